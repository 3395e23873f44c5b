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
  "of its others, given back to C1 as failed",
];

/** Both tables, and what was not survived. */
export function faultSections({ entries, ours, sdk }: Faults): string {
  const common = triedByAll(entries, [ours, sdk]);
  return [
    "## The same faults to both",
    common.length === 0
      ? `not run: ${sdk.absent ?? ours.absent ?? "no fault has a verdict for both"}`
      : byKind(common, [ours, sdk], commonHead, ([one, other]) =>
          [one?.listed, one?.survived, other?.survived, other?.givenBack].map(String),
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

function cell({ notRun, survived, tried }: Tally): string {
  const missing = notRun.map(reasonText).join("; ");
  if (tried === 0) return `not run: ${missing}`;
  return `${survived} of ${tried}${missing === "" ? "" : ` (not run: ${missing})`}`;
}

function reasonText({ count, reason }: NotRun): string {
  return `${count}, ${plain(reason)}`;
}

function failureSection(title: string, { failures, tried }: Tally): string {
  const lines = failures.map(failureLine);
  const body = tried === 0 ? "not run" : lines.length === 0 ? "Nothing." : lines.join("\n");
  return `## ${title}\n\n${body}`;
}

function failureLine({ expected, id, note, outcome }: InjectionResult): string {
  const why = note === undefined ? "" : ` (${plain(note)})`;
  return `- \`${id}\`: expected ${brief(expected)}; found ${brief(outcome)}${why}`;
}

/** Without the parts that say that there was nothing. */
function brief(outcome: string): string {
  return plain(outcome.replaceAll(/; (directory|team|effects) -/g, "").replaceAll("; sync -", ", no sync"));
}
