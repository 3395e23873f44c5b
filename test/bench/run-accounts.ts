import { type DaemonProcess, daemonEnv, spawnConnector } from "../helpers/daemon.ts";
import { inspectable, openInspector } from "../helpers/inspector.ts";
import {
  type AskedRequest,
  type Kind,
  type Offer,
  type Outcome,
  type StandIns,
  startStandIns,
} from "./account-stand-ins.ts";
import { createBareClient } from "./bare-client.ts";

/** What the connector is set to; the rest is as it ships. */
export interface Settings {
  readonly scimRequestsPerMinute: number;
  readonly maxDeletesPerHour: number;
  readonly taskConcurrency: number;
  /** GetTasks instead of GetTask. */
  readonly batched: boolean;
}

/** The most that the option takes: no limiter that anybody would notice. */
export const unlimited = 100_000;

/** How a load went, with the connector's memory on the way. */
export interface LoadRun {
  readonly settings: Settings;
  readonly outcome: Outcome;
  /** After so many tasks, in bytes, right after a full garbage collection. */
  readonly rss: readonly { readonly tasks: number; readonly bytes: number }[];
}

/** One task, done by both. Milliseconds from the task handed out to its result taken. */
export interface Pair {
  readonly kind: Kind;
  readonly connectorMs: number;
  readonly bareMs: number;
  readonly requests: number;
}

/** Starts `dist/baton-cursor` between the stand-ins. Disposing stops it as an operator would. */
async function startConnector(
  standIns: StandIns,
  settings: Settings,
  endpoint: string,
  more: Readonly<Record<string, string>> = {},
): Promise<DaemonProcess> {
  const { connector, cursor, scim } = standIns.addresses;
  const env = {
    SSL_CERT_FILE: connector.caFile,
    BATON_LOG_LEVEL: "info",
    BATON_LOG_FORMAT: "json",
    BATON_PROVISIONING: "true",
    BATON_CURSOR_SCIM_ENDPOINT: endpoint,
    BATON_CURSOR_SCIM_TOKEN: scim.token,
    BATON_SCIM_REQUESTS_PER_MINUTE: String(settings.scimRequestsPerMinute),
    BATON_MAX_DELETES_PER_HOUR: String(settings.maxDeletesPerHour),
    BATON_TASK_CONCURRENCY: String(settings.taskConcurrency),
    BATON_GET_TASKS: String(settings.batched),
    ...more,
  };
  const { BATON_TMPDIR: _own, ...variables } = daemonEnv({ c1: connector, cursor, env }, "");
  const daemon = await spawnConnector([], variables);
  // Not to be left behind, looking for its C1, when the benchmark is interrupted.
  process.once("exit", () => daemon.kill("SIGKILL"));
  return daemon;
}

/** A directory that throttles. */
export interface Throttling {
  /** Every so many refusals ask for a pause of one second. */
  readonly pauseEvery: number;
  /** After how many tasks the connector's memory is read; at the end it always is. */
  readonly rssAfter: readonly number[];
}

/** Everybody joins and leaves at once. With `throttling` the gateway stands before the directory. */
export async function runLoad(people: number, settings: Settings, throttling?: Throttling): Promise<LoadRun> {
  await using standIns = await startStandIns({ people, pauseEvery: throttling?.pauseEvery ?? 1 });
  await standIns.ask("queueEverything");
  const { gateway, scim } = standIns.addresses;
  const endpoint = throttling === undefined ? scim.endpoint : gateway;
  await using daemon = await startConnector(standIns, settings, endpoint, throttling && inspectable);
  const rss: { tasks: number; bytes: number }[] = [];
  {
    // Let go before the end: a process that is looked into waits for whoever looks.
    using inspector = throttling && (await openInspector(daemon));
    for (const tasks of [...(throttling?.rssAfter ?? []), 2 * people]) {
      await unlessEnded(daemon, standIns.ask("waitForFinished", tasks));
      // What is held, not how long ago the collector came by: that alone moves the figure by a tenth.
      await inspector?.evaluate("gc()");
      rss.push({ tasks, bytes: await daemon.rssBytes() });
    }
  }
  const outcome = await standIns.ask("outcome");
  await stop(daemon);
  return { settings, outcome, rss };
}

/**
 * Task by task: first the connector, then the bare client with the very requests that the connector was seen to make, for
 * somebody else. Whatever else the machine does falls on both alike.
 */
export async function runPairs(pairs: number, settings: Settings): Promise<readonly Pair[]> {
  await using standIns = await startStandIns({ people: 2 * pairs, pauseEvery: 1 });
  await using daemon = await startConnector(standIns, settings, standIns.addresses.scim.endpoint);
  using bare = await createBareClient(standIns.addresses);
  const done: Pair[] = [];
  for (let index = 0; index < 2 * pairs; index += 2) {
    for (const kind of ["create", "delete"] as const) {
      const own = await standIns.ask("offer", "connector", kind, index);
      const ours = await unlessEnded(daemon, standIns.ask("result", "connector", kind, own.id));
      const other = await standIns.ask("offer", "bare", kind, index + 1);
      await bare.work(kind, forSomebodyElse(ours.requests, own, other));
      const theirs = await standIns.ask("result", "bare", kind, other.id);
      const fault = ours.fault || theirs.fault;
      if (fault !== "") throw new Error(fault);
      done.push({ kind, connectorMs: ours.ms, bareMs: theirs.ms, requests: ours.requests.length });
    }
  }
  const { problems } = await standIns.ask("outcome");
  if (problems.length > 0) throw new Error(problems.join("\n"));
  await stop(daemon);
  return done;
}

function forSomebodyElse(requests: readonly AskedRequest[], own: Offer, other: Offer): readonly AskedRequest[] {
  const text = JSON.stringify(requests).replaceAll(own.email, other.email);
  return JSON.parse(own.recordId === undefined ? text : text.replaceAll(own.recordId, other.recordId ?? ""));
}

async function unlessEnded<T>(daemon: DaemonProcess, wait: Promise<T>): Promise<T> {
  const early = daemon.ended.then(({ stderr }) => Promise.reject(new Error(`the connector ended:\n${stderr}`)));
  return await Promise.race([wait, early]);
}

async function stop(daemon: DaemonProcess): Promise<void> {
  daemon.kill("SIGTERM");
  const { code, stderr } = await daemon.ended;
  if (code !== 0) throw new Error(`the connector did not end cleanly:\n${stderr}`);
}
