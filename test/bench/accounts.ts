/** Many accounts at once in a directory that throttles, and what the connector adds to bare calls: `make bench-accounts`. */
import { cpus, loadavg } from "node:os";
import {
  type AccountResults,
  accountAcceptance,
  addedMs,
  mostCallsInAMinute,
  refused,
  showMs,
  warmTasks,
} from "./accounts-acceptance.ts";
import { accountPlanOf } from "./accounts-plan.ts";
import { median, showCount, showMib, showSeconds, table } from "./numbers.ts";
import { acceptanceTable } from "./report.ts";
import { type LoadRun, type Pair, runLoad, runPairs, type Settings } from "./run-accounts.ts";

const say = (text = ""): void => void process.stdout.write(`${text}\n`);
/** So many lines about one sort of mistake are enough. */
const shownFaults = 5;

async function main(): Promise<boolean> {
  const startedMs = performance.now();
  const plan = accountPlanOf(process.argv.slice(2));
  const [load = 0] = loadavg();
  say(`machine: ${cpus().length} cores, ${cpus()[0]?.model}, load ${load.toFixed(2)}; Node ${process.versions.node}`);
  say(`\n${plan.people} creations and ${plan.people} deletions at once, a third of the calls answered 429,`);
  say(`every ${plan.pauseEvery}th of those with Retry-After: 1, the others with 0`);
  const { pauseEvery } = plan;
  const throttled = await loadOf(plan.people, plan.throttled, { pauseEvery, rssAfter: [100, warmTasks, 450] });
  const { calls } = throttled.outcome;
  say(
    `  ${showCount(calls.length)} calls, ${showCount(refused(calls))} refused; most within 60 s: ${showCount(mostCallsInAMinute(calls))}`,
  );
  say(`  RSS after ${throttled.rss.map(({ bytes, tasks }) => `${tasks} tasks ${showMib(bytes)}`).join(", ")}`);

  say(`\n${plan.freePeople} creations and ${plan.freePeople} deletions at once, nothing refused`);
  const free: LoadRun[] = [];
  for (const settings of plan.free) free.push(await loadOf(plan.freePeople, settings));

  say(`\n${plan.pairs} creations and ${plan.pairs} deletions one by one, each beside the bare calls of another`);
  const [settings] = plan.free;
  const pairs = settings === undefined ? [] : await runPairs(plan.pairs, settings);
  say(pairTable(pairs));
  return judge({ throttled, free, pairs }, startedMs);
}

async function loadOf(people: number, settings: Settings, gateway?: Parameters<typeof runLoad>[2]): Promise<LoadRun> {
  say(
    `  BATON_SCIM_REQUESTS_PER_MINUTE=${settings.scimRequestsPerMinute} BATON_MAX_DELETES_PER_HOUR=${settings.maxDeletesPerHour} BATON_TASK_CONCURRENCY=${settings.taskConcurrency} BATON_GET_TASKS=${settings.batched}`,
  );
  const run = await runLoad(people, settings, gateway);
  const { faults, mostAtOnce, problems, requests, seconds, tasks } = run.outcome;
  say(
    `  ${showCount(tasks)} tasks in ${showSeconds(seconds)}: ${(tasks / seconds).toFixed(1)} tasks per second, ${mostAtOnce} at once, ${showCount(requests)} requests served`,
  );
  for (const list of [faults, problems]) for (const each of list.slice(0, shownFaults)) say(`  ${each}`);
  return run;
}

function pairTable(pairs: readonly Pair[]): string {
  const rows = (["create", "delete"] as const).map((kind) => {
    const own = pairs.filter((pair) => pair.kind === kind);
    const added = addedMs(pairs, kind).sort((one, other) => one - other);
    return [
      kind,
      String(median(own.map(({ requests }) => requests))),
      showMs(median(own.map(({ connectorMs }) => connectorMs))),
      showMs(median(own.map(({ bareMs }) => bareMs))),
      showMs(median(added)),
      showMs(added[Math.floor(0.95 * added.length)] ?? Number.NaN),
    ];
  });
  return table(["task", "requests", "connector", "bare calls", "added", "added, 95 %"], rows);
}

function judge(results: AccountResults, startedMs: number): boolean {
  const lines = accountAcceptance(results);
  say(`\n== Acceptance\n${acceptanceTable(lines)}`);
  say(`\nbenchmark ended after ${showSeconds((performance.now() - startedMs) / 1000)}`);
  return lines.every(({ verdict }) => verdict === "PASS");
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
process.exitCode = (await main()) ? 0 : 1;
