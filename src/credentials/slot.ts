import { type Clock, jitter, type Random } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { StatusError } from "../baton/status-error.ts";

/** The credentials that rotate, each by itself. */
export type CredentialName = "c1" | "cursor_api" | "cursor_scim";

/** How a new version of a credential ended, for metrics and Events. */
export type ReloadOutcome = "activated" | "rejected" | "unreadable";

/** What rotation tells whoever counts and shows. Hooks must not throw. */
export interface CredentialHooks {
  /** `note` says why, without the credential; empty when it was activated. */
  onReload?(name: CredentialName, outcome: ReloadOutcome, note: string): void;
  /** A new version waits to be accepted. */
  onPending?(name: CredentialName, pending: boolean): void;
  /** A version is in use from now on. */
  onActive?(name: CredentialName): void;
}

/** One credential as it was found. */
export interface CredentialReading<T> {
  /** Keyed digest of the texts; empty when there are none. */
  readonly digest: string;
  readonly value: T | undefined;
  /** Why there is no value, naming file and fix; `undefined` when the credential is simply not there. */
  readonly problem: string | undefined;
  /** Whether the problem is that a file cannot be read, rather than what it holds. */
  readonly unreadable?: boolean;
}

export interface SlotDeps<T> {
  readonly name: CredentialName;
  /** Tries a version out without touching what is in use. Rejects with why it does not work. */
  readonly verify: (value: T, signal: AbortSignal) => Promise<void>;
  /** Puts a verified version in use; when it throws, the version counts as one that does not work. */
  readonly activate: (value: T) => void;
  /**
   * Why `next` cannot follow `active` although it is right, e.g. because it leads to another tenant. Not asked while `active`
   * has never worked: nothing was sent there, and a slip in the first version must be possible to mend.
   */
  readonly refuse?: (active: T, next: T) => string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly hooks: CredentialHooks;
}

/** One credential: what is in use, and what is to follow it. */
export interface Slot<T> {
  /** What is in use; `undefined` before the first right version. */
  active(): T | undefined;
  /** Takes what was found now: the same as in use ends a waiting version, anything else is tried out. */
  offer(reading: CredentialReading<T>): void;
  /**
   * What is in use was rejected by its service: a waiting version is tried at once. It is a `problem` from now on, unless
   * `usable` says that the connector goes on with it, e.g. because nothing else can come.
   */
  suspect(error: StatusError, usable?: boolean): void;
  /** What is in use works. */
  trusted(): void;
  /** Why the credential cannot be used now, naming no value; `undefined` while it can. */
  problem(): string | undefined;
  /** What the service said when it rejected what is in use; `undefined` since it has worked again. */
  rejection(): string | undefined;
  /** Ends whatever is being tried out. */
  close(): void;
}

const firstWaitMs = 15_000;
const longestWaitMs = 5 * 60_000;
const jitterShare = 0.2;
/** So much of a digest tells two versions apart in a log and says nothing about the credential. */
const shownDigits = 8;

interface Trial<T> {
  readonly digest: string;
  readonly value: T;
  readonly ended: AbortController;
  /** Aborts to try again now. */
  hurry: AbortController;
}

/** A slot in which `first` is in use if it is right; it is proved by its use. */
export function createSlot<T>(deps: SlotDeps<T>, first: CredentialReading<T>): Slot<T> {
  return new CredentialSlot(deps, first);
}

interface Waiting {
  readonly digest: string;
  readonly why: string;
}

class CredentialSlot<T> implements Slot<T> {
  readonly #deps: SlotDeps<T>;
  #active: { readonly digest: string; readonly value: T } | undefined;
  /** Whether what is in use has worked. */
  #proved = false;
  #trial: Trial<T> | undefined;
  /** The newest version, while it is not in use, and what is wrong with it. */
  #waiting: Waiting | undefined;
  /** What the service said when it rejected what is in use. */
  #rejected: { readonly why: string; readonly usable: boolean } | undefined;

  constructor(deps: SlotDeps<T>, first: CredentialReading<T>) {
    this.#deps = deps;
    if (first.value !== undefined) {
      this.#active = { digest: first.digest, value: first.value };
      deps.hooks.onActive?.(deps.name);
    } else if (first.problem !== undefined) {
      this.#turnDown(first, first.problem);
    }
  }

  active(): T | undefined {
    return this.#active?.value;
  }

  problem(): string | undefined {
    if (this.#active === undefined) return this.#waiting?.why;
    if (this.#rejected === undefined || this.#rejected.usable) return undefined;
    const { why } = this.#rejected;
    return this.#waiting === undefined ? why : `${why}; a newer version waits: ${this.#waiting.why}`;
  }

  rejection(): string | undefined {
    return this.#rejected?.why;
  }

  suspect(error: StatusError, usable = false): void {
    // Of one that is still used the failed request itself tells.
    if (!usable && this.#rejected?.usable !== false) {
      const fields = { credential: this.#deps.name, code: error.code, error: error.message };
      this.#deps.log.warn("the credential in use was rejected", fields);
    }
    this.#rejected = { why: error.message, usable: usable && this.#rejected?.usable !== false };
    this.#trial?.hurry.abort();
  }

  trusted(): void {
    if (this.#rejected?.usable === false)
      this.#deps.log.info("the credential in use is accepted again", { credential: this.#deps.name });
    this.#rejected = undefined;
    this.#proved = true;
  }

  close(): void {
    this.#trial?.ended.abort(new StatusError("cancelled", "another version took its place"));
    this.#trial = undefined;
  }

  offer(reading: CredentialReading<T>): void {
    const { digest } = reading;
    if (digest === this.#active?.digest) {
      this.#backToActive();
      return;
    }
    if (digest === this.#trial?.digest || digest === this.#waiting?.digest) return;
    this.close();
    const { refused, value } = this.#judge(reading);
    if (value !== undefined) this.#begin(digest, value);
    else if (refused !== undefined) this.#turnDown(reading, refused);
    else this.#setWaiting(undefined);
  }

  #backToActive(): void {
    const { log, name } = this.#deps;
    this.close();
    if (this.#waiting === undefined) return;
    log.info("a credential is back to the version in use", { credential: name });
    this.#setWaiting(undefined);
  }

  /** Either a value worth trying, or why there is none; neither for a credential that never was there. */
  #judge({ problem, value }: CredentialReading<T>): { readonly value?: T; readonly refused?: string } {
    const active = this.#active;
    if (value === undefined) {
      const refused = problem ?? (active === undefined ? undefined : "the credential is missing");
      return refused === undefined ? {} : { refused };
    }
    const refused = active !== undefined && this.#proved ? this.#deps.refuse?.(active.value, value) : undefined;
    return refused === undefined ? { value } : { refused };
  }

  #begin(digest: string, value: T): void {
    const trial: Trial<T> = { digest, value, ended: new AbortController(), hurry: new AbortController() };
    this.#trial = trial;
    this.#setWaiting({ digest, why: `a new version of the credential ${this.#deps.name} is being tried out` });
    void this.#tryOut(trial);
  }

  /** Never rejects. */
  async #tryOut(trial: Trial<T>): Promise<void> {
    for (let attempt = 1; !trial.ended.signal.aborted; attempt += 1) {
      try {
        await this.#deps.verify(trial.value, trial.ended.signal);
        if (!trial.ended.signal.aborted) this.#activate(trial);
        return;
      } catch (reason) {
        if (trial.ended.signal.aborted) return;
        await this.#waitAfter(StatusError.from(reason), attempt, trial);
      }
    }
  }

  async #waitAfter({ code, message }: StatusError, attempt: number, trial: Trial<T>): Promise<void> {
    const { clock, hooks, log, name, random } = this.#deps;
    const waitMs = jitter(Math.min(firstWaitMs * 2 ** (attempt - 1), longestWaitMs), jitterShare, random);
    if (attempt === 1) hooks.onReload?.(name, "rejected", message);
    this.#setWaiting({ digest: trial.digest, why: message });
    log.warn("a new version of a credential does not work; trying again", {
      credential: name,
      digest: trial.digest.slice(0, shownDigits),
      code,
      error: message,
      attempt,
      waitMs: Math.round(waitMs),
    });
    trial.hurry = new AbortController();
    await clock.sleep(waitMs, AbortSignal.any([trial.ended.signal, trial.hurry.signal])).catch(() => undefined);
  }

  #activate({ digest, value }: Trial<T>): void {
    const { activate, hooks, log, name } = this.#deps;
    activate(value);
    this.#active = { digest, value };
    this.#proved = true;
    this.#rejected = undefined;
    this.#trial = undefined;
    this.#setWaiting(undefined);
    hooks.onActive?.(name);
    hooks.onReload?.(name, "activated", "");
    log.info("a new version of a credential is in use", { credential: name, digest: digest.slice(0, shownDigits) });
  }

  #turnDown({ digest, unreadable = false }: CredentialReading<T>, why: string): void {
    const { hooks, log, name } = this.#deps;
    this.#setWaiting({ digest, why });
    hooks.onReload?.(name, unreadable ? "unreadable" : "rejected", why);
    const fields = { credential: name, digest: digest.slice(0, shownDigits), reason: why };
    if (this.#active === undefined) log.error("a credential cannot be used; waiting for a new version", fields);
    else log.error("a new version of a credential was rejected; the old one stays in use", fields);
  }

  #setWaiting(waiting: Waiting | undefined): void {
    this.#waiting = waiting;
    this.#deps.hooks.onPending?.(this.#deps.name, waiting !== undefined);
  }
}
