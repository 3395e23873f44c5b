import type { Role } from "./access.ts";

export interface LeaseObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

export interface KubeEvent {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly eventTime: string;
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly type: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly regarding: Readonly<Record<string, string>>;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

/** A Lease was written. */
export interface LeaseEntry {
  readonly atMs: number;
  /** Who wrote it, by the token. */
  readonly user: string;
  /** Who holds it since. */
  readonly holder: string;
}

/** A request that came in and what it got; `undefined` when its connection was dropped. */
export interface KubeRequest {
  readonly atMs: number;
  readonly user: string;
  readonly verb: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly status: number | undefined;
  /** Number of the connection that it came over. */
  readonly connection: number;
}

/** What goes wrong with one request. */
export interface KubeFault {
  /** Milliseconds before the request takes effect. */
  readonly delayMs?: number;
  /** Milliseconds between taking effect and the answer. */
  readonly answerDelayMs?: number;
  /** Answers this without doing anything. */
  readonly status?: number;
  /** Closes the connection without an answer: before anything is done, or after. */
  readonly drop?: "before" | "after";
}

/** A request as those who decide about faults see it. */
export interface KubeAttempt {
  readonly user: string;
  readonly verb: string;
  readonly resource: string;
  readonly name: string | undefined;
}

export interface KubeApiOptions {
  readonly namespace?: string;
  /** Names of the empty Leases that are there from the start; default one, `baton-cursor`. */
  readonly leases?: readonly string[];
  /** What users may do unless they have a role of their own; default: get and update of the Leases, create and patch of Events. */
  readonly role?: Role;
}

export interface KubeApi extends AsyncDisposable {
  /** `https://localhost:port`. */
  readonly url: string;
  readonly caPem: string;
  readonly namespace: string;
  /** Makes a user (or renews its token) and writes a kubeconfig for it; returns the file's path. */
  kubeconfig(user: string, role?: Role): Promise<string>;
  /** Lays out a service account as the kubelet mounts it, below a directory of its own, which it returns. */
  mountServiceAccount(user: string): Promise<string>;
  /** Every token of this user is wrong from now on. */
  revoke(user: string): void;
  lease(name?: string): LeaseObject | undefined;
  changeLease(change: (lease: LeaseObject) => LeaseObject, name?: string): void;
  removeLease(name?: string): void;
  readonly history: readonly LeaseEntry[];
  readonly events: readonly KubeEvent[];
  forgetEvents(): void;
  readonly requests: readonly KubeRequest[];
  /** The next requests that fit (all, if `verb` is absent) get these faults, one each. */
  script(faults: readonly KubeFault[], verb?: string): void;
  /** Decides about every request for which nothing is laid out. */
  setWeather(weather: (attempt: KubeAttempt) => KubeFault): void;
  /** Everything from this user is swallowed, without an answer, until it is let through again. */
  cutOff(user: string, off?: boolean): void;
  /** Nobody gets through: connections are refused, and those that are open are closed. */
  setDown(down: boolean): void;
  /** Shows Leases as if their holder's clock were so many milliseconds ahead. */
  setSkew(ms: number): void;
  /** What no careful client does. Disposing throws when there is any. */
  readonly violations: readonly string[];
  takeViolations(): readonly string[];
}
