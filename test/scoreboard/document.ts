import { type Benchmarks, benchmarkSections } from "./benchmarks.ts";
import { type Faults, faultSections } from "./faults.ts";
import { type MachineFaults, machineSection } from "./machine.ts";
import { markdownTable } from "./markdown.ts";

/** Everything of one run. */
export interface Board {
  /** When and of what it was made, the machine in general terms, and the versions of what ran. */
  readonly facts: readonly string[];
  readonly short: boolean;
  readonly seed: number;
  readonly faults: Faults;
  readonly machine: MachineFaults;
  readonly benchmarks: Benchmarks;
}

/** The document: the same results make the same text. */
export function scoreboardDocument({ benchmarks, facts, faults, machine, seed, short }: Board): string {
  return `${[
    "# Scoreboard",
    "<!-- Written by `make scoreboard`. -->",
    intro,
    short ? "**A short run, to see that it works: most faults were not played, and the figures mean nothing.**" : "",
    facts.map((line) => `- ${line}`).join("\n"),
    rules,
    faultSections(faults),
    machineSection(machine),
    elsewhere,
    benchmarkSections(benchmarks),
    `## Run it again\n\n${again(seed)}`,
  ]
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

const intro = `How the connector holds up when something breaks, beside a connector made with the official Go SDK, in one run on one machine.
Both are processes between the same stand-ins of C1 and Cursor, with the same team, the same faults and the same manifest.`;

const rules = `## How it is judged

- **Survived** means: C1 has the right team in the end and nothing else, the task ended once, the program lives or ended as it
  should, it left no file behind, and it does the next sync rightly. A fault counts only when a stand-in saw it happen.
- Ours is held to the letter of its documents, the error code included. For the Go SDK connector any honest failure is as good as
  another (\`code 2 retryable\` for \`code 14 retryable\`), any exit code as good as another, a second upload of the same team is
  allowed, and so is a right sync where ours may give up.
- A task that the program never speaks of again is not survived, unless the manifest says that it may be lost: C1 would hand it
  out again when its lease ends. After the fault the Go SDK connector has 60 s from the last word about the task, many times its
  longest pause; ours has as long as its own repetitions take.
- The Go SDK connector ([source](../test/interop/internal/sdkconnector)) reads the same Admin API and says the same about the team,
  record by record (\`make interop\`). Under faults it stores with SQLite, so that the stand-in of C1 can look into its files. It has
  no SCIM directory, so accounts are not compared, and what is odd about a member list is about a connector's own reading and not
  about the SDK.
- The table of the same faults holds those that were seen to happen to both. Each program takes them in
  the order of the seed, the longest first, and those of one stage together.
- Signals are sent at each moment of a sync; then the program is started again with the same temporary directory. After SIGTERM it
  has to tell C1 what became of its task before it ends, so that C1 does not wait for the end of the lease.
- Of the faults of the machine one of each call and effect is played (\`make chaos-machine\` plays all).
- Whole syncs go from C1's hand-out to C1 having the result. Memory is the sum over the program's processes, what they share
  counted once. Seconds are medians of interleaved runs.`;

const elsewhere = `## Not in this run

${markdownTable(
  ["experiment", "ours", "Go SDK connector"],
  [
    ["signals at every call of every task (`make sweeps`)", "not run", "not run"],
    ["several faults in one task (`make chaos-full`)", "not run", "not run"],
    ["thousands of tasks with random faults, swaps and clock jumps (`make soak`)", "not run", "not run"],
    ["syncs with a fifth of the calls going wrong (`make soak-faults`)", "not run", "not run"],
  ],
)}`;

function again(seed: number): string {
  return [
    "```sh",
    "make scoreboard                                 # everything here; SCOREBOARD_SHORT=1 tries it out in some minutes",
    "make scoreboard SCOREBOARD_MINUTES=120          # with time for every listed fault",
    "# One fault of the lists, to this program or to baton-cursor; and the signals alone:",
    `npx node test/chaos/chaos.ts --under-test=go-sdk --seed=${seed} '--only=ID'`,
    "npx node test/scoreboard/play-signals.ts go-sdk",
    "make chaos-machine                              # all faults of the machine, to ours",
    "make bench                                      # the benchmarks of ours at length",
    "```",
  ].join("\n");
}
