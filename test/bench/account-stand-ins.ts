import type { GatewayCall } from "../helpers/throttling-gateway.ts";
import { startVerbs, type VerbsProcess } from "../helpers/verbs-process.ts";

/** Who does a task: the connector, or a client that makes the same calls and nothing else. Each has a C1 of its own. */
export type Who = "connector" | "bare";
export type Kind = "create" | "delete";

export interface StandInOptions {
  /** How many people join, and as many leave. */
  readonly people: number;
  /** Every so many refusals of the gateway ask for a pause of one second, the others for none. */
  readonly pauseEvery: number;
}

/** A request as one of the stand-ins saw it. */
export interface AskedRequest {
  readonly to: "cursor" | "scim";
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What is needed to speak to a C1. */
export interface C1Address {
  readonly apiHost: string;
  readonly caFile: string;
  readonly caPem: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface Addresses extends Readonly<Record<Who, C1Address>> {
  readonly cursor: { readonly url: string; readonly apiKey: string };
  readonly scim: { readonly endpoint: string; readonly token: string };
  /** The directory's endpoint behind the gateway. */
  readonly gateway: string;
}

/** How the whole load went. */
export interface Outcome {
  readonly tasks: number;
  /** From the first task handed out to the last result. */
  readonly seconds: number;
  /** Results that are not the right ones. */
  readonly faults: readonly string[];
  /** What is wrong with the directory, or was with the calls. */
  readonly problems: readonly string[];
  readonly calls: readonly GatewayCall[];
  /** Requests that reached the directory. */
  readonly requests: number;
  readonly mostAtOnce: number;
}

/** One task that is offered. */
export interface Offer {
  readonly id: string;
  readonly email: string;
  /** The person's record in the directory, where there is one. */
  readonly recordId: string | undefined;
}

/** One task that is done. */
export interface TaskResult {
  /** From the task handed out to its result taken, in milliseconds. */
  readonly ms: number;
  /** Empty when the result is the right one. */
  readonly fault: string;
  /** What Cursor and the directory were asked for meanwhile. */
  readonly requests: readonly AskedRequest[];
}

/** What the process can be asked for. */
export interface Verbs {
  addresses(): Addresses;
  /** Queues a task for everybody who joins or leaves. */
  queueEverything(): void;
  waitForFinished(count: number): Promise<void>;
  outcome(): Outcome;
  /** Queues the task of the `index`-th person who joins or leaves. */
  offer(who: Who, kind: Kind, index: number): Offer;
  /** Waits for the end of an offered task. */
  result(who: Who, kind: Kind, id: string): Promise<TaskResult>;
}

/** The stand-ins in their process. */
export interface StandIns extends VerbsProcess<Verbs> {
  readonly addresses: Addresses;
}

/** Starts the process; resolves when every stand-in answers. */
export async function startStandIns(options: StandInOptions): Promise<StandIns> {
  const process = await startVerbs<Verbs>(new URL("./account-stand-ins-process.ts", import.meta.url), options);
  return { ...process, addresses: await process.ask("addresses") };
}
