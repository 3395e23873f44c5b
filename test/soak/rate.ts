/** How many syncs a connector does with a fifth of its calls going wrong, beside one with none: `make soak-faults`. */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { showSeconds } from "../bench/numbers.ts";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { type FaultCount, type FaultRates, noFaults } from "./faults.ts";
import { type StandIns, startStandIns } from "./stand-ins.ts";

const say = (text = ""): void => void process.stdout.write(`${text}\n`);
const { values } = parseArgs({
  options: {
    syncs: { type: "string", default: "50" },
    members: { type: "string", default: "5000" },
    seed: { type: "string", default: "1" },
  },
});
const [syncs, members, seed] = [Number(values.syncs), Number(values.members), Number(values.seed)];

const rates: FaultRates = { ...noFaults, heartbeat: 0.2, upload: 0.2, finish: 0.2, cursor: 0.2 };
const leastShare = 0.6;
const raised = { BATON_CURSOR_REQUESTS_PER_MINUTE: "100000" } as const;

/**
 * How often C1 is asked. Once a second is what the connector does where C1 leaves that to it. As often as it ever asks, a sync
 * of this size takes less time than the waits after failures that are prescribed: that shows what those cost and is not judged.
 */
const paces = [
  { pollMs: 1_000, judged: true },
  { pollMs: 50, judged: false },
] as const;

interface Runner extends AsyncDisposable {
  /** Does so many more syncs; in how many seconds. */
  more(count: number): Promise<number>;
  readonly standIns: StandIns;
}

async function startRunner(lane: string, own: FaultRates, pollMs: number): Promise<Runner> {
  await using stack = new AsyncDisposableStack();
  const options = { seed, lane, tasks: syncs, rates: own, ready: syncs, syncsOf: members, pollMs };
  const standIns = stack.use(await startStandIns(options));
  const daemon = stack.use(await spawnConnector([], { ...(await standIns.ask("env")), ...raised }));
  process.once("exit", () => daemon.kill("SIGKILL"));
  const kept = stack.move();
  let done = 0;
  return {
    standIns,
    async more(count) {
      const from = done;
      done += count;
      await standIns.ask("feed", done);
      await unlessEnded(daemon, standIns.ask("waitForEnded", done));
      return await standIns.ask("span", from, done);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Runs both at one pace; whether all went well, and fast enough where that is judged. */
async function compare({ judged, pollMs }: (typeof paces)[number]): Promise<boolean> {
  say(`\nnext_poll=${pollMs}ms`);
  await using free = await startRunner("free", noFaults, pollMs);
  await using faulty = await startRunner("faulty", rates, pollMs);
  // Half of them before and half after, so that whatever else the machine does falls on both alike.
  const half = Math.floor(syncs / 2);
  const before = await free.more(half);
  const withFaults = await faulty.more(syncs);
  const without = before + (await free.more(syncs - half));
  const outcomes = await Promise.all([free, faulty].map(({ standIns }) => standIns.ask("outcome")));
  const problems = [
    ...outcomes.flatMap((outcome) => outcome.problems),
    ...unfelt(outcomes[0]?.faults, outcomes[1]?.faults),
  ];
  for (const problem of problems) say(`  ! ${problem}`);
  for (const [kind, { calls, faults }] of Object.entries(outcomes[1]?.faults ?? {})) {
    if (faults > 0) say(`  ${kind}: ${faults} of ${calls} went wrong`);
  }
  say(`  without faults ${showSeconds(without)}, ${((60 * syncs) / without).toFixed(0)} syncs a minute`);
  say(`  with faults    ${showSeconds(withFaults)}, ${((60 * syncs) / withFaults).toFixed(0)} syncs a minute`);
  const share = without / withFaults;
  const good = problems.length === 0 && (!judged || share >= leastShare);
  const wanted = judged ? `>= ${100 * leastShare} %` : "not judged";
  const found = `${(100 * share).toFixed(0)} % of the rate without faults (${wanted}), ${problems.length} problems (0)`;
  say(`  ${found}: ${good ? "PASS" : "FAIL"}`);
  return good;
}

/** Kinds of calls of which no more were made than without faults: those were not felt. */
function unfelt(free: FaultCount = {}, faulty: FaultCount = {}): readonly string[] {
  const kinds = ["GET cursor", "heartbeat", "upload", "finish"];
  const made = (count: FaultCount, kind: string): number => count[kind]?.calls ?? 0;
  return kinds
    .filter((kind) => (faulty[kind]?.faults ?? 0) === 0 || made(faulty, kind) <= made(free, kind))
    .map((kind) => `no fault of ${kind} was felt: ${made(faulty, kind)} calls, ${made(free, kind)} without faults`);
}

async function unlessEnded<T>(daemon: DaemonProcess, wait: Promise<T>): Promise<T> {
  const early = daemon.ended.then(({ stderr }) =>
    Promise.reject(new Error(`the connector ended:\n${stderr.slice(-2_000)}`)),
  );
  return await Promise.race([wait, early]);
}

const [load = 0] = loadavg();
say(`${syncs} syncs of ${members} members, all ready at once, seed ${seed}; load ${load.toFixed(2)}`);
say("a fifth of the calls to Cursor, of the heartbeats, uploads and results goes wrong, polls do not");
say(`limits: ${Object.entries(raised).map((pair) => pair.join("="))}, BATON_TASK_CONCURRENCY=3 as it ships`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
const verdicts: boolean[] = [];
for (const pace of paces) verdicts.push(await compare(pace));
process.exitCode = verdicts.every((good) => good) ? 0 : 1;
