import { showMib } from "../bench/numbers.ts";
import type { LaneResult, Moment } from "./lane.ts";
import { figures, total } from "./sample.ts";

export interface Line {
  readonly what: string;
  readonly found: string;
  readonly wanted: string;
  /** SKIP: the run was too short to say. */
  readonly verdict: "PASS" | "FAIL" | "SKIP";
}

/** More than that after all tasks, compared with that after the first ones, is a leak. */
const mostGrowth = 1.1;
/** In fewer tasks after the warm-up neither a swap nor a jump of the clock may come. */
const disturbedTasks = 200;
/** Of all calls; polls, which go wrong seldom, are among them. */
const leastFaults = 0.01;
/** Before so many tasks the memory has not found its level. */
export const rssAfterTasks = 500;

/** What must hold of one lane. */
export function judgeLane(result: LaneResult): Line[] {
  const { end, outcome, troubles, warm } = result;
  const lost = outcome.offered - outcome.ended;
  const wrong = outcome.problems.length + troubles.length;
  return [
    line("tasks lost", String(lost), "0", lost === 0),
    line("tasks ended wrongly or twice, and other troubles", String(wrong), "0", wrong === 0),
    ...figures.map((figure) => noMore(figure, warm, end)),
    memory(warm, end),
    ...disturbances(result),
  ];
}

/** A soak in which nothing went wrong has proved nothing. */
function disturbances({ clockJumps, end, outcome, swaps, warm }: LaneResult): Line[] {
  const counts = Object.values(outcome.faults);
  const sum = (of: "calls" | "faults"): number => counts.reduce((before, count) => before + count[of], 0);
  const share = sum("faults") / Math.max(1, sum("calls"));
  const missed = Object.entries(outcome.faults).filter(
    ([kind, { calls, faults }]) => kind !== "poll" && calls >= 300 && faults === 0,
  );
  const wanted = `>= ${100 * leastFaults} %, of each kind`;
  const found = `${(100 * share).toFixed(1)} %${missed.map(([kind]) => `, no ${kind}`).join("")}`;
  const brief = end.tasks - warm.tasks < disturbedTasks;
  const came = (what: string, count: number): Line => {
    const judged = line(what, String(count), ">= 1", count > 0);
    return brief ? { ...judged, verdict: "SKIP" } : judged;
  };
  return [
    line("calls that went wrong", found, wanted, share >= leastFaults && missed.length === 0),
    came("swaps of credentials", swaps),
    came("jumps of the clock", clockJumps),
  ];
}

const words = {
  descriptors: "descriptors",
  resources: "active resources",
  timers: "timers",
  abortListeners: "listeners on abort signals",
  tempFiles: "temporary files",
} as const;

function noMore(figure: keyof typeof words, warm: Moment, end: Moment): Line {
  const [before, after] = [warm.holdings[figure], end.holdings[figure]];
  const wanted = `<= ${total(before)}, as after ${warm.tasks} tasks`;
  return line(words[figure], String(total(after)), wanted, total(after) <= total(before));
}

/** What there is more of than after the warm-up, kind by kind. */
export function surplus({ end, warm }: LaneResult): string[] {
  return figures.flatMap((figure) => {
    const [before, after] = [warm.holdings[figure], end.holdings[figure]];
    if (total(after) <= total(before)) return [];
    return Object.entries(after)
      .filter(([kind, count]) => count > (before[kind] ?? 0))
      .map(([kind, count]) => `${words[figure]}: ${count} ${kind}, before ${before[kind] ?? 0}`);
  });
}

function memory(warm: Moment, end: Moment): Line {
  const growth = end.rssBytes / warm.rssBytes;
  const found = `${growth.toFixed(2)}x (${showMib(warm.rssBytes)}, ${showMib(end.rssBytes)})`;
  const what = `RSS after ${end.tasks} tasks / after ${warm.tasks}`;
  const wanted = `<= ${mostGrowth.toFixed(2)}x`;
  if (warm.tasks < rssAfterTasks) {
    return { what, found, wanted: `${wanted} from ${rssAfterTasks} tasks on`, verdict: "SKIP" };
  }
  return line(what, found, wanted, growth <= mostGrowth);
}

function line(what: string, found: string, wanted: string, holds: boolean): Line {
  return { what, found, wanted, verdict: holds ? "PASS" : "FAIL" };
}
