import type { CatalogEntry, InjectionResult, ProgramName } from "../chaos/injection.ts";

/** Why a listed fault has no verdict for a program, and how many there are. */
export interface NotRun {
  readonly reason: string;
  readonly count: number;
}

/** What a program made of a list of faults. `listed` is `tried` and all of `notRun` together. */
export interface Tally {
  readonly listed: number;
  /** Played, and seen to happen. */
  readonly tried: number;
  readonly survived: number;
  readonly notRun: readonly NotRun[];
  /** Of those not survived, how many were reported to C1 as failed with nothing uploaded: C1 hands such a task out again. */
  readonly givenBack: number;
  /** Of those not survived, how many came to what was expected, but for files that were left behind. */
  readonly leftFiles: number;
  /** Tried and not survived, in the order of the list. */
  readonly failures: readonly InjectionResult[];
}

/** One program's results, or why there are none. */
export interface Played {
  readonly program: ProgramName;
  readonly results: readonly InjectionResult[];
  /** Set when the program could not be run at all; its results do not count then. */
  readonly absent?: string | undefined;
  /** Why some faults cannot be played to it. */
  readonly unplayable: (entry: CatalogEntry) => string;
}

/**
 * Counts the faults of a list for one program. A fault counts as survived only when there is a result of it, somebody saw the
 * fault happen, and the result says so; of several results of the same fault the worst one counts.
 */
export function tally(entries: readonly CatalogEntry[], played: Played): Tally {
  const byId = resultsById(played);
  const notRun = new Map<string, number>();
  const failures: InjectionResult[] = [];
  let tried = 0;
  for (const entry of entries) {
    const found = byId.get(entry.id) ?? [];
    const reason = whyNotRun(entry, found, played);
    if (reason !== undefined) {
      notRun.set(reason, (notRun.get(reason) ?? 0) + 1);
      continue;
    }
    tried += 1;
    const failure = found.find(({ observed, survived }) => observed && !survived);
    if (failure !== undefined) failures.push(failure);
  }
  return {
    listed: entries.length,
    tried,
    survived: tried - failures.length,
    givenBack: failures.filter(({ outcome }) => isGivenBack(outcome)).length,
    leftFiles: failures.filter(isRightButUntidy).length,
    notRun: [...notRun].map(([reason, count]) => ({ reason, count })),
    failures,
  };
}

/** The whole outcome, in the words of the manifest, without any problem after it. */
function isGivenBack(outcome: string): boolean {
  return /^code \d+ retryable; sync -; directory -; team -; effects -$/.test(outcome);
}

function isRightButUntidy({ expected, outcome }: InjectionResult): boolean {
  return outcome.startsWith(expected) && /^; left behind: [^;]*$/.test(outcome.slice(expected.length));
}

/** The faults of a list that both programs have a verdict for. */
export function triedByAll(entries: readonly CatalogEntry[], all: readonly Played[]): CatalogEntry[] {
  const results = all.map((played) => ({ played, byId: resultsById(played) }));
  return entries.filter((entry) =>
    results.every(({ byId, played }) => whyNotRun(entry, byId.get(entry.id) ?? [], played) === undefined),
  );
}

function resultsById({ absent, program, results }: Played): ReadonlyMap<string, InjectionResult[]> {
  const byId = new Map<string, InjectionResult[]>();
  if (absent !== undefined) return byId;
  for (const result of results) {
    if (result.underTest === program) byId.set(result.id, [...(byId.get(result.id) ?? []), result]);
  }
  return byId;
}

function whyNotRun(entry: CatalogEntry, found: readonly InjectionResult[], played: Played): string | undefined {
  if (found.some(({ observed }) => observed)) return undefined;
  if (played.absent !== undefined) return played.absent;
  if (found.length > 0) return "the fault was not seen to happen";
  return entry.underTest.includes(played.program) ? "not in this run" : played.unplayable(entry);
}
