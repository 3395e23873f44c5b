import { mostWithin } from "../helpers/account-load.ts";
import type { GatewayCall } from "../helpers/throttling-gateway.ts";
import type { Line } from "./acceptance.ts";
import type { Kind } from "./account-stand-ins.ts";
import { median, showCount, showMib, showRatio } from "./numbers.ts";
import type { LoadRun, Pair } from "./run-accounts.ts";

export interface AccountResults {
  readonly throttled: LoadRun;
  readonly free: readonly LoadRun[];
  readonly pairs: readonly Pair[];
}

const limits = { growth: 1.1, addedMs: 20, budgetUse: 0.9 };
/** A refusal is answered before it is noticed. On a busy machine so much may lie between. */
const travelMs = 250;
/** After so many tasks the first reading of memory counts. Until then it grows by what the compiler makes of the code that runs often. */
export const warmTasks = 300;

export const showMs = (ms: number): string => `${ms.toFixed(1)} ms`;

/** Holds every figure against what must be. */
export function accountAcceptance({ free, pairs, throttled }: AccountResults): Line[] {
  const { calls } = throttled.outcome;
  const perMinute = throttled.settings.scimRequestsPerMinute;
  const most = mostCallsInAMinute(calls);
  return [
    ...[throttled, ...free].flatMap(ends),
    holds("calls refused", "a third", showShare(refused(calls), calls.length), isAThird(calls)),
    holds("calls within any minute", `<= ${showCount(perMinute)}`, showCount(most), most <= perMinute),
    // Far below the limit nothing would be shown about it.
    holds(
      "the limit was reached",
      `>= ${limits.budgetUse * 100} % of it`,
      showShare(most, perMinute),
      most >= limits.budgetUse * perMinute,
    ),
    atMost("calls during a pause that was asked for", 0, callsInPauses(calls), showCount),
    growth(throttled),
    ...(["create", "delete"] as const).map((kind) => added(pairs, kind)),
  ];
}

function holds(what: string, limit: string, measured: string, holds: boolean): Line {
  return { what, limit, measured, verdict: holds ? "PASS" : "FAIL" };
}

function atMost(what: string, limit: number, value: number, show: (value: number) => string): Line {
  return holds(what, `<= ${show(limit)}`, show(value), value <= limit);
}

function ends({ outcome, settings }: LoadRun): Line[] {
  const name = `${showCount(outcome.tasks)} tasks, ${settings.batched ? "GetTasks" : "GetTask"}, ${showCount(settings.scimRequestsPerMinute)}/min`;
  return [
    atMost(`${name}: wrong results`, 0, outcome.faults.length, showCount),
    atMost(`${name}: changes missing, made twice or not asked for`, 0, outcome.problems.length, showCount),
  ];
}

/** A refusal that is due may still wait for a call that can be refused. */
function isAThird(calls: readonly GatewayCall[]): boolean {
  return Math.abs(refused(calls) - calls.length / 3) < 0.01 * calls.length;
}

export function refused(calls: readonly GatewayCall[]): number {
  return calls.filter(({ status }) => status === 429).length;
}

/** As the other side saw them. */
export function mostCallsInAMinute(calls: readonly GatewayCall[]): number {
  return mostWithin(
    calls.map(({ atMs }) => atMs),
    60_000,
  );
}

function callsInPauses(calls: readonly GatewayCall[]): number {
  const pauses = calls
    .filter(({ retryAfterS }) => retryAfterS !== undefined && retryAfterS > 0)
    .map(({ answeredMs = 0, retryAfterS = 0 }) => ({
      from: answeredMs + travelMs,
      to: answeredMs + retryAfterS * 1_000 - travelMs,
    }));
  return calls.filter(({ atMs }) => pauses.some(({ from, to }) => atMs > from && atMs < to)).length;
}

function growth({ rss }: LoadRun): Line {
  const warm = rss.find(({ tasks }) => tasks === warmTasks)?.bytes ?? Number.NaN;
  const last = rss.at(-1);
  const ratio = (last?.bytes ?? Number.NaN) / warm;
  const measured = `${showRatio(ratio)} (${showMib(warm)}, ${showMib(last?.bytes ?? Number.NaN)})`;
  return holds(
    `RSS after ${last?.tasks} tasks / after ${warmTasks}`,
    `<= ${showRatio(limits.growth)}`,
    measured,
    ratio <= limits.growth,
  );
}

function added(pairs: readonly Pair[], kind: Kind): Line {
  const value = median(addedMs(pairs, kind));
  return holds(`added per ${kind} task, median`, `< ${showMs(limits.addedMs)}`, showMs(value), value < limits.addedMs);
}

/** What the connector took longer than the bare client, pair by pair. */
export function addedMs(pairs: readonly Pair[], kind: Kind): number[] {
  return pairs.filter((pair) => pair.kind === kind).map(({ bareMs, connectorMs }) => connectorMs - bareMs);
}

function showShare(part: number, whole: number): string {
  return `${showCount(part)} of ${showCount(whole)}, ${((100 * part) / whole).toFixed(1)} %`;
}
