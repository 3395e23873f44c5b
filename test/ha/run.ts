import { setTimeout as delay } from "node:timers/promises";
import type { DaemonProcess } from "../helpers/daemon.ts";
import { metric, type Poll, type Replicas, setReplicas } from "../helpers/replicas.ts";
import { syncTask } from "../integration/scene.ts";
import { badWeather } from "./weather.ts";

export type Mode = "strict" | "fail-open";

/** What was seen of two replicas. Times in milliseconds. */
export interface Observed {
  readonly mode: Mode;
  readonly polls: readonly Poll[];
  /** Sums of the two `leader` gauges, from the first leader on. */
  readonly leaders: readonly number[];
  /** How often the Lease got another holder. */
  readonly handovers: number;
  /** How often the leader was cut off from the API, or everybody was. */
  readonly cuts: number;
  /** Share of calls to the API that were made to fail. */
  readonly failed: number;
  readonly calls: number;
  readonly syncs: { readonly asked: number; readonly done: number };
  /** Memory of each replica before the first sync, and at the end. */
  readonly idleRssBytes: readonly number[];
  readonly rssBytes: readonly number[];
}

const periodMs = 30_000;
const cutAfterMs = 5_000;
/** Long enough for the Lease to expire. */
const cutForMs = 20_000;
const lookEveryMs = 200;
const syncEveryMs = 20_000;
/** Before the first sync. */
const idleForMs = 8_000;

/** Runs two replicas of one mode for so many seconds. Ends early, and well, when `stop` aborts. */
export async function runReplicas(mode: Mode, seconds: number, stop: AbortSignal): Promise<Observed> {
  await using replicas = await setReplicas();
  const { kube, c1, polls } = replicas;
  const weather = badWeather(kube, seeded(seconds + (mode === "strict" ? 1 : 2)));
  const env = { BATON_LEADER_ELECTION_STRICT: String(mode === "strict"), BATON_LOG_LEVEL: "info" };
  const daemons = [await replicas.start("pod-a", env), await replicas.start("pod-b", env)];
  await replicas.nextPoll(60_000);

  const ended = AbortSignal.any([stop, AbortSignal.timeout(seconds * 1_000)]);
  const leaders: number[] = [];
  const memory = () => Promise.all(daemons.map((daemon) => daemon.rssBytes()));
  const [cuts, asked, idleRssBytes] = await Promise.all([
    disturb(replicas, seconds * 1_000, ended),
    askForSyncs(replicas, ended),
    sleep(idleForMs, ended).then(memory),
    countLeaders(daemons, leaders, ended),
  ]);
  const { history } = kube;
  return {
    mode,
    polls: [...polls],
    leaders,
    handovers: history.filter(({ holder }, at) => at > 0 && history[at - 1]?.holder !== holder).length,
    cuts,
    failed: weather.failed(),
    calls: kube.requests.length,
    syncs: { asked: asked.length, done: asked.filter((id) => c1.task(id).finishes.at(-1)?.ok === true).length },
    idleRssBytes,
    rssBytes: await memory(),
  };
}

/** Cuts the leader off in every period, and everybody in every third. */
async function disturb({ kube }: Replicas, forMs: number, ended: AbortSignal): Promise<number> {
  const startMs = performance.now();
  let cuts = 0;
  for (let period = 1; ; period += 1) {
    await sleep(cutAfterMs, ended);
    if (ended.aborted || performance.now() - startMs + cutForMs > forMs) return cuts;
    cuts += 1;
    const leader = kube.lease()?.spec?.holderIdentity?.split("_", 1)[0] ?? "";
    const everybody = period % 3 === 0;
    if (everybody) kube.setDown(true);
    else kube.cutOff(leader);
    await sleep(cutForMs, ended);
    if (everybody) kube.setDown(false);
    else kube.cutOff(leader, false);
    await sleep(periodMs - cutAfterMs - cutForMs, ended);
  }
}

async function askForSyncs({ c1 }: Replicas, ended: AbortSignal): Promise<string[]> {
  const asked: string[] = [];
  while (!ended.aborted) {
    await sleep(syncEveryMs / 2, ended);
    if (!ended.aborted) asked.push(c1.enqueue(syncTask));
    await sleep(syncEveryMs / 2, ended);
  }
  return asked;
}

async function countLeaders(daemons: readonly DaemonProcess[], sums: number[], ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    const gauges = await Promise.all(daemons.map((daemon) => metric(daemon, "baton_leader")));
    sums.push(gauges.reduce((sum, gauge) => sum + gauge, 0));
    await sleep(lookEveryMs, ended);
  }
}

async function sleep(ms: number, ended: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: ended }).catch(() => undefined);
}

/** Pseudo-random numbers in [0, 1), the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
