import type { CatalogEntry, InjectionResult, Target } from "../chaos/injection.ts";
import { markdownTable, plain } from "./markdown.ts";
import { type NotRun, type Played, type Tally, tally, triedByAll } from "./tally.ts";

/** Everything about the faults: the list, and what each program made of it. */
export interface Faults {
  readonly entries: readonly CatalogEntry[];
  readonly ours: Played;
  readonly sdk: Played;
}

/** Kinds of faults, as they are called in the tables. */
const kinds: Readonly<Record<Target, string>> = {
  token: "token endpoint",
  hello: "Hello",
  "get-task": "poll (GetTask)",
  "get-tasks": "poll (GetTasks)",
  heartbeat: "heartbeat",
  upload: "upload",
  finish: "report (FinishTask)",
  cursor: "Cursor's Admin API",
  scim: "SCIM directory",
  machine: "signals",
};

const commonHead = [
  "faults",
  "ours survived",
  "Go SDK connector survived",
  "of its others, C1 was told that it failed",
  "of its others, right but for files left behind",
];

/** Both tables, and what was not survived. */
export function faultSections({ entries, ours, sdk }: Faults): string {
  const common = triedByAll(entries, [ours, sdk]);
  return [
    "## The same faults to both",
    common.length === 0
      ? `not run: ${sdk.absent ?? ours.absent ?? "no fault has a verdict for both"}`
      : byKind(common, [ours, sdk], commonHead, ([one, other]) =>
          [one?.listed, one?.survived, other?.survived, other?.givenBack, other?.leftFiles].map(String),
        ),
    "## Every listed fault",
    "A cell says how many were survived of those that were tried. A fault that was not run has no verdict and counts as neither.",
    byKind(entries, [ours, sdk], ["listed", "ours", "Go SDK connector"], (found) => [
      String(found[0]?.listed),
      ...found.map(cell),
    ]),
    failureSection("What ours did not survive", tally(entries, ours)),
    failureSection("What the Go SDK connector did not survive", tally(entries, sdk)),
  ].join("\n\n");
}

function byKind(
  entries: readonly CatalogEntry[],
  all: readonly Played[],
  head: readonly string[],
  cells: (tallies: readonly Tally[]) => readonly string[],
): string {
  const row = (name: string, some: readonly CatalogEntry[]): string[] => [
    name,
    ...cells(all.map((played) => tally(some, played))),
  ];
  const rows = Object.entries(kinds).flatMap(([target, name]) => {
    const some = entries.filter((entry) => entry.target === target);
    return some.length === 0 ? [] : [row(name, some)];
  });
  return markdownTable(["kind", ...head], [...rows, row("**all**", entries)]);
}

/** How many were survived of those tried, and why others have no verdict. */
function cell({ notRun, survived, tried }: Tally): string {
  const missing = notRun.map(reasonText).join("; ");
  if (tried === 0) return `not run: ${missing}`;
  return `${survived} of ${tried}${missing === "" ? "" : ` (not run: ${missing})`}`;
}

function reasonText({ count, reason }: NotRun): string {
  return `${count}, ${plain(reason)}`;
}

function failureSection(title: string, { failures, tried }: Tally): string {
  const body = tried === 0 ? "not run" : failureList(failures);
  return `## ${title}\n\n${body}`;
}

/** One line for each. */
export function failureList(failures: readonly InjectionResult[]): string {
  return failures.length === 0 ? "Nothing." : failures.map(failureLine).join("\n");
}

function failureLine({ expected, id, note, outcome }: InjectionResult): string {
  const why = note === undefined ? "" : ` (${plain(note)})`;
  const isMore = outcome.startsWith(`${expected}; `);
  const found = isMore ? `that, and ${brief(outcome.slice(expected.length + 2))}` : brief(outcome);
  return `- \`${id}\`: expected ${brief(expected)}; found ${found}${why}`;
}

const longestOutcome = 300;

/** Without the parts that say that there was nothing, what follows the first line, and what names this run or machine alone. */
function brief(outcome: string): string {
  const [line = ""] = outcome.split("\n");
  return plain(
    line
      .replaceAll(/; (directory|team|effects) -/g, "")
      .replaceAll("; sync -", ", no sync")
      .replaceAll(/\/tmp\/\S+/g, "(a temporary file)")
      .replaceAll(/(?<=[a-z-])\d{5,}\b/g, "…")
      .slice(0, longestOutcome),
  );
}
