import type { C1zDepth } from "./c1z.ts";
import type { Clients } from "./clients.ts";
import type { C1Hook } from "./hook.ts";
import type { Queue } from "./queue.ts";
import type { Recorder } from "./recorder.ts";
import type { Script } from "./script.ts";
import type { TokenEndpoint } from "./token.ts";
import type { Call, Method, UploadRecord } from "./types.ts";

/** What the server says when a test lays nothing else out; milliseconds, null leaves the field out. */
export interface Defaults {
  nextPollMs: number | null;
  nextHeartbeatMs: number | null;
}

/** A call while it is being recorded. */
export type OpenCall<M extends Method = Method> = { -readonly [K in keyof Call<M>]: Call<M>[K] } & {
  readonly played: Set<string>;
};

/** The server's memory and parts, shared by the RPCs. */
export interface State {
  readonly recorder: Recorder;
  readonly queue: Queue;
  readonly script: Script;
  readonly token: TokenEndpoint;
  readonly clients: Clients;
  readonly defaults: Defaults;
  readonly calls: { readonly [M in Method]: OpenCall<M>[] };
  readonly uploads: UploadRecord[];
  /** Hosts whose Hello was answered, alone and together with the client that said it. */
  readonly greeted: Set<string>;
  readonly requireHello: boolean | "of each client";
  readonly otherClients: "accept" | "refuse";
  readonly statusMessages: "one short line" | "any";
  readonly taskIds: "27 letters and digits" | "any";
  readonly uploadKind: "c1z" | "any";
  readonly c1zDepth: C1zDepth | "unread";
  readonly uploadDirectory: string;
  hook: C1Hook | undefined;
  /** Resets the connection of a call; false when there is none any more. */
  drop(peerPort: number): boolean;
}
