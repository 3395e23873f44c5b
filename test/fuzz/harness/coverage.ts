import { type Profiler, Session } from "node:inspector";

/** Which blocks of the sources have run, by V8's own counters. */
export interface Coverage extends Disposable {
  /** Whether what ran since the last call reached a block for the first time; with `keep` it counts as reached from now on. */
  gained(keep: boolean): boolean;
  /** Characters of the functions that ran, and of the blocks in them that did not. */
  size(): { readonly seen: number; readonly missed: number };
}

type Range = readonly [start: number, end: number];

/**
 * Counts blocks of the scripts whose address contains one of `covers`. V8 reports a function that ran as its range and, inside,
 * the ranges with other counts; what was reached is therefore kept as what was not: the ranges whose count has always been 0.
 */
export function startCoverage(covers: readonly string[]): Coverage {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const missed = new Map<string, readonly Range[]>();
  const lengths = new Map<string, number>();

  return {
    gained(keep) {
      let gain = false;
      for (const { functions, url } of take(session)) {
        if (!covers.some((part) => url.includes(part))) continue;
        for (const { ranges } of functions) {
          const [whole] = ranges;
          if (whole === undefined || whole.count === 0) continue;
          const key = `${url}:${whole.startOffset}-${whole.endOffset}`;
          const before = missed.get(key);
          const idle = ranges.filter(({ count }) => count === 0).map(rangeOf);
          const now = before === undefined ? idle : common(before, idle);
          if (before !== undefined && total(now) === total(before)) continue;
          gain = true;
          if (!keep) return true;
          missed.set(key, now);
          lengths.set(key, whole.endOffset - whole.startOffset);
        }
      }
      return gain;
    },
    size: () => ({
      seen: [...lengths.values()].reduce((sum, length) => sum + length, 0),
      missed: [...missed.values()].reduce((sum, ranges) => sum + total(ranges), 0),
    }),
    [Symbol.dispose]: () => session.disconnect(),
  };
}

function take(session: Session): readonly Profiler.ScriptCoverage[] {
  let taken: readonly Profiler.ScriptCoverage[] = [];
  // In the same thread the answer comes before `post` returns.
  session.post("Profiler.takePreciseCoverage", (error, { result }) => {
    if (error) throw error;
    taken = result;
  });
  return taken;
}

function rangeOf({ endOffset, startOffset }: Profiler.CoverageRange): Range {
  return [startOffset, endOffset];
}

function common(left: readonly Range[], right: readonly Range[]): Range[] {
  const both: Range[] = [];
  for (const [from, to] of left) {
    for (const [start, end] of right)
      if (start < to && from < end) both.push([Math.max(from, start), Math.min(to, end)]);
  }
  return both;
}

function total(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [start, end]) => sum + end - start, 0);
}
