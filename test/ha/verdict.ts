import type { Observed } from "./run.ts";

export interface Line {
  readonly what: string;
  readonly found: string;
  readonly wanted: string;
  readonly holds: boolean;
}

const maxIdleMib = 120;
/** Polls come ten times a second: what is longer than this is no wait for the next one. */
const longestGapMs = 2_500;
/** A leader stops after 10 s, another begins after 15 s at the earliest. */
const shortestPauseMs = 4_000;

/** What must hold, with what was found. */
export function judge(observed: Observed): Line[] {
  const { mode, polls, leaders, cuts, handovers, failed, idleRssBytes } = observed;
  const idleMib = Math.max(...idleRssBytes) / 1024 / 1024;
  const common: Line[] = [
    line("polls", polls.length, "> 100", polls.length > 100),
    line("calls made to fail", `${(failed * 100).toFixed(1)} %`, "5 to 15 %", failed > 0.05 && failed < 0.15),
    line("handovers", handovers, `>= ${Math.floor(cuts / 2)}, for ${cuts} cuts`, handovers >= Math.floor(cuts / 2)),
    line("idle memory of the larger replica", `${idleMib.toFixed(0)} MiB`, `< ${maxIdleMib} MiB`, idleMib < maxIdleMib),
  ];
  return mode === "strict" ? [...neverTwo(observed), ...common] : [...alwaysOne(polls, leaders), ...common];
}

function neverTwo({ polls, leaders }: Observed): Line[] {
  const foreign = polls.filter(({ who, holder }) => who !== holder).length;
  const pauses = polls.flatMap(({ atMs, who }, at) => {
    const before = polls[at - 1];
    return before === undefined || before.who === who ? [] : [atMs - before.atMs];
  });
  const shortest = Math.min(...pauses);
  const most = Math.max(...leaders);
  return [
    line("polls by who does not hold the Lease", foreign, "0", foreign === 0),
    line("most leaders at once", most, "<= 1", most <= 1),
    line(
      "shortest pause between two leaders",
      seconds(shortest),
      `>= ${seconds(shortestPauseMs)}`,
      shortest >= shortestPauseMs,
    ),
  ];
}

function alwaysOne(polls: Observed["polls"], leaders: Observed["leaders"]): Line[] {
  const gaps = polls.slice(1).map(({ atMs }, at) => atMs - (polls[at]?.atMs ?? atMs));
  const longest = Math.max(...gaps);
  const fewest = Math.min(...leaders);
  return [
    line("longest time without a poll", seconds(longest), `< ${seconds(longestGapMs)}`, longest < longestGapMs),
    line("fewest leaders at once", fewest, ">= 1", fewest >= 1),
  ];
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

function line(what: string, found: number | string, wanted: string, holds: boolean): Line {
  return { what, found: String(found), wanted, holds };
}
