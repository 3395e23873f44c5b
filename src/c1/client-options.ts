import type { SecureContext } from "node:tls";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import type { Clock, Random } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import type { StatusCode, StatusError } from "../baton/status-error.ts";
import type { PostForm } from "./auth.ts";
import type { HostFacts } from "./host-info.ts";

/** Milliseconds that each call may take. */
export interface C1Deadlines {
  readonly token: number;
  readonly hello: number;
  /** GetTask and GetTasks; generous, because C1 may hold the call until there is work. */
  readonly poll: number;
  readonly heartbeat: number;
  readonly finishTask: number;
  /** An upload has no deadline, but it must not stand still for so long. */
  readonly uploadProgress: number;
}

export const defaultDeadlines: C1Deadlines = {
  token: 30_000,
  hello: 60_000,
  poll: 90_000,
  heartbeat: 30_000,
  finishTask: 30_000,
  uploadProgress: 5 * 60_000,
};

/** What the client tells whoever counts. Hooks must not throw. */
export interface C1Hooks {
  /** One attempt at a call has ended; `method` is its name in the service, or `token` for the token endpoint. */
  onRpc?(call: { readonly method: string; readonly code: StatusCode; readonly durationMs: number }): void;
  /** An upload starts again from the first byte. */
  onUploadRetry?(error: StatusError): void;
  /** Asset data that the connection has taken, repeats included. */
  onUploadBytes?(bytes: number): void;
  /** A new token came; when it expires, in milliseconds since the epoch. */
  onTokenExpiry?(expiryMs: number): void;
}

export interface C1ClientOptions {
  readonly credentials: C1Credentials;
  /** `host` or `host:port` to use in place of the one in the client id, for tokens and calls; never for the audience. */
  readonly apiHost: string | undefined;
  /** Names this instance in every request, 1 to 256 characters. */
  readonly hostId: string;
  readonly build: { readonly package: string; readonly version: string };
  readonly postForm: PostForm;
  /** The certificate authorities to trust. */
  readonly trust: SecureContext;
  /** An http proxy for the calls; `postForm` knows its own. */
  readonly proxy: URL | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly hooks?: C1Hooks;
  readonly deadlines?: Partial<C1Deadlines>;
  /** About the machine; read from it by default. */
  readonly hostFacts?: HostFacts;
}
