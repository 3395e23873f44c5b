/** Two replicas in each mode before an API server in bad weather: `make ha-soak`. */
import { type Observed, runReplicas } from "./run.ts";
import { judge, type Line } from "./verdict.ts";

const say = (text = ""): void => void process.stdout.write(`${text}\n`);

function table(lines: readonly Line[]): string {
  return lines
    .map(({ what, found, wanted, holds }) => {
      return `  ${holds ? "PASS" : "FAIL"}  ${what.padEnd(38)} ${found.padStart(9)}  (${wanted})`;
    })
    .join("\n");
}

function tell(observed: Observed, lines: readonly Line[]): void {
  const { mode, calls, syncs, leaders, rssBytes } = observed;
  const two = leaders.filter((sum) => sum > 1).length / Math.max(1, leaders.length);
  say(`\n== ${mode}`);
  const mib = rssBytes.map((bytes) => (bytes / 1024 / 1024).toFixed(0)).join(" and ");
  say(`${calls} calls to the API; ${syncs.done} of ${syncs.asked} syncs done; in the end ${mib} MiB`);
  say(`two leaders ${(two * 100).toFixed(1)} % of the time`);
  say(table(lines));
}

const seconds = Number(process.env["HA_SECONDS"] || 600);
const stop = new AbortController();
// The daemons must not outlive an interrupted run.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
say(
  `two replicas in each mode for ${seconds} s; the API server fails one call in ten, and the leader is cut off now and then`,
);
const runs = await Promise.all([
  runReplicas("strict", seconds, stop.signal),
  runReplicas("fail-open", seconds, stop.signal),
]);
const verdicts = runs.map((observed) => ({ observed, lines: judge(observed) }));
for (const { observed, lines } of verdicts) tell(observed, lines);
const good = verdicts.every(({ lines }) => lines.every(({ holds }) => holds)) && !stop.signal.aborted;
say(`\nHA soak: ${good ? "PASS" : "FAIL"}`);
process.exitCode = good ? 0 : 1;
