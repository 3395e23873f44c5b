import type { TestCa } from "../../helpers/tls.ts";
import type { C1zDepth } from "./c1z.ts";
import type { Revocation } from "./clients.ts";
import type { C1Hook } from "./hook.ts";
import type { C1Network } from "./network.ts";
import type { C1Event, Violation } from "./recorder.ts";
import type { Improvise } from "./script.ts";
import type { Defaults } from "./state.ts";
import type { TokenControl } from "./token.ts";
import type { Answers, Call, Finish, Method, TaskInit, TaskOptions, TaskView, UploadRecord } from "./types.ts";

export interface C1Options {
  /** Signs the server's certificate; a new one by default. */
  readonly ca?: TestCa;
  /** Host inside the client id, with or without port. Default: the server's own `localhost:<port>`. */
  readonly clientHost?: string;
  /** `next_poll` and `next_heartbeat` of every answer, milliseconds (50 and 1000); null leaves them out. */
  readonly nextPollMs?: number | null;
  readonly nextHeartbeatMs?: number | null;
  /** `c1z` (default) takes only whole c1z files of sync tasks and asked-for debug logs; `any` takes every file. */
  readonly uploads?: "c1z" | "any";
  /** How closely an uploaded c1z is looked at: every record (default), counts only, or not at all (to look later). */
  readonly c1zDepth?: C1zDepth | "unread";
  /** An existing directory in which accepted uploads stay. Default: a private one that goes with the server. */
  readonly uploadDirectory?: string;
  /** Whether other RPCs are refused before Hello (true), or polls of a client that has not said it itself. */
  readonly requireHello?: boolean | "of each client";
  /**
   * Whether Heartbeat, UploadAsset and FinishTask are taken from another client of the connector than the one to which the
   * task was handed out (accept). Nobody says what the real C1 does.
   */
  readonly otherClients?: "accept" | "refuse";
  /** Whether the text of a failure is one line of at most 2048 bytes, as ours promises, or anything, as the real C1 takes it. */
  readonly statusMessages?: "one short line" | "any";
  /** Whether the ids of tasks are taken as they are, or must be as C1 makes them. */
  readonly taskIds?: "27 letters and digits" | "any";
  /** Faults for calls that no script is about. */
  readonly improvise?: Improvise;
}

/** A running stand-in of C1. Every wait rejects after its time-out (10 s by default) with what it waited for. */
export interface C1Server extends AsyncDisposable {
  readonly clientId: string;
  readonly clientSecret: string;
  /** `localhost:<port>`, for token endpoint and gRPC alike. */
  readonly apiHost: string;
  /** The authority to trust, and a file that holds it. */
  readonly caPem: string;
  readonly caFile: string;
  readonly token: TokenControl;
  readonly network: C1Network;
  readonly defaults: Defaults;

  /** Another client of the same connector, as Rotate makes one. The others go on. `host` is that of its id (the first one's). */
  addClient(host?: string): { readonly clientId: string; readonly clientSecret: string };
  /** Takes a client away. */
  revokeClient(clientId: string, how: Revocation): void;
  /** Puts a task into the queue and returns its id. */
  enqueue(task: TaskInit, options?: TaskOptions): string;
  /** Registers a task as handed out already, to whoever speaks of it first; for tests that do not poll. */
  lease(task: TaskInit, options?: TaskOptions): string;
  /** Puts a known task into the queue again, whatever its state (a lost lease, a duplicate). */
  requeue(taskId: string): void;
  /** Tells the task to be cancelled from its next heartbeat on. */
  cancel(taskId: string): void;
  task(taskId: string): TaskView;
  /** Tasks handed out and not finished. */
  readonly inFlight: { readonly now: number; readonly max: number };
  /** Lays out how the next calls of an RPC are answered. */
  script<M extends Method>(method: M, answers: readonly Answers[M][]): void;
  /** Forgets what was laid out. */
  unscript(method: Method): void;
  setOnRequest(hook: C1Hook | undefined): void;

  calls<M extends Method>(method: M): readonly Call<M>[];
  /** Streams that have ended, good and bad, in this order. */
  readonly uploads: readonly UploadRecord[];
  readonly violations: readonly Violation[];
  /** Returns the violations and forgets them, so that disposal does not throw. */
  takeViolations(): readonly Violation[];
  onEvent(listener: (event: C1Event) => void): () => void;
  /** Events from the call on; ends when the server stops. */
  events(): AsyncGenerator<C1Event>;

  /** The task's last result, once it has left the queue. */
  awaitFinish(taskId: string, timeoutMs?: number): Promise<Finish>;
  /** The answered Hello of this task; of "" the one at start-up. */
  awaitHello(taskId: string, timeoutMs?: number): Promise<Call<"Hello">>;
  /** The first upload of this task that was accepted. */
  awaitUpload(taskId: string, timeoutMs?: number): Promise<UploadRecord>;
  /** The n-th call (from 1) of an RPC, as soon as it arrives. */
  awaitCall<M extends Method>(method: M, n?: number, timeoutMs?: number): Promise<Call<M>>;
  /** Resolves with the first answer that is neither undefined nor false; asked whenever something happens here. */
  until<T>(look: () => T | undefined | false, timeoutMs?: number, what?: string): Promise<T>;
  /** Stops and throws an AggregateError when there were violations that nobody took. */
  [Symbol.asyncDispose](): Promise<void>;
}
