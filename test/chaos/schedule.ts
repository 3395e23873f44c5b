import { createHash } from "node:crypto";
import type { Fault } from "./catalog/fault.ts";
import type { Injection, TaskKind } from "./injection.ts";
import { manifestOf, plainOutcome } from "./manifest/manifest.ts";
import { describe } from "./manifest/outcome.ts";

/** A fault and the injection that the seed makes of it. */
export interface Planned {
  readonly entry: Fault;
  readonly injection: Injection;
}

/** Numbers from 0 to below 1 that depend on nothing but the words. */
export function draw(seed: number, ...words: readonly string[]): number {
  const bytes = createHash("sha256")
    .update([seed, ...words].join("\n"))
    .digest();
  return bytes.readUInt32BE(0) / 2 ** 32;
}

/** The injection that a seed makes of an entry: which call is hit does not depend on what else is played. */
export function planned(entry: Fault, seed: number): Planned {
  const { attempts } = entry;
  const attempt = attempts[Math.floor(draw(seed, "attempt", entry.id) * attempts.length)] ?? 1;
  const { lane: _lane, play: _play, takesMs: _takesMs, ...words } = entry;
  return { entry, injection: { ...words, attempt } };
}

/** All entries in an order that the seed gives. */
export function shuffled(entries: readonly Fault[], seed: number): readonly Fault[] {
  return byLot(entries, seed, "order");
}

function byLot(entries: readonly Fault[], seed: number, word: string): readonly Fault[] {
  const lots = new Map(entries.map((entry) => [entry, draw(seed, word, entry.id)]));
  return entries.toSorted((one, other) => (lots.get(one) ?? 0) - (lots.get(other) ?? 0));
}

/** What the short run leaves to the full one, in milliseconds that an injection takes; and what it takes no more of than it must. */
export const longestShortMs = 25_000;
const longMs = 8_000;
const shortCount = 120;

/** A part of the entries: one of each effect, unless it takes too long, and others up to a hundred and twenty. */
export function shortened(entries: readonly Fault[], seed: number): readonly Fault[] {
  const able = shuffled(entries, seed).filter(({ takesMs }) => takesMs <= longestShortMs);
  const quickFirst = [
    ...able.filter(({ takesMs }) => takesMs <= longMs),
    ...able.filter(({ takesMs }) => takesMs > longMs),
  ];
  const seen = new Set<string>();
  const first = quickFirst.filter(({ effect }) => !seen.has(effect) && seen.add(effect));
  const others = quickFirst.filter((entry) => !first.includes(entry));
  return [...first, ...others.slice(0, Math.max(0, shortCount - first.length))];
}

/** Several faults at once. */
export interface Storm {
  readonly id: string;
  readonly task: StormTask;
  readonly faults: readonly Planned[];
}

const stormTasks = ["sync", "create", "reactivate", "delete", "hello"] as const satisfies readonly TaskKind[];
type StormTask = (typeof stormTasks)[number];

/** What C1 is asked in every task, and may therefore be hit in every task. */
const everywhere: readonly string[] = ["GetTask", "GET /teams/members", "FinishTask"];

/** The first `count` storms of a seed: two to four faults at different calls, each of which the task gets over by itself. */
export function storms(entries: readonly Fault[], seed: number, count: number): readonly Storm[] {
  const able = new Map(stormTasks.map((task) => [task, entries.filter((entry) => isAble(entry, task))]));
  return Array.from({ length: count }, (_, index) => {
    const id = `storm-${index + 1}`;
    const task = stormTasks[Math.floor(draw(seed, id, "task") * stormTasks.length)] ?? "sync";
    const wanted = 2 + Math.floor(draw(seed, id, "faults") * 3);
    const hit = new Map<string, Fault>();
    for (const entry of byLot(able.get(task) ?? [], seed, id)) {
      if (hit.size < wanted && !hit.has(entry.call)) hit.set(entry.call, entry);
    }
    return { id, task, faults: [...hit.values()].map((entry) => firstOf(entry, task)) };
  });
}

/** The fault at the first call of a task, whatever task it was listed for. */
function firstOf(entry: Fault, task: StormTask): Planned {
  // What makes a sync last takes the answer of Cursor, which another fault of the storm may want.
  const { paced: _paced, ...play } = { paced: true, ...entry.play };
  return planned({ ...entry, task, play, attempts: [1] }, 0);
}

/** Somebody whom odd answers change. */
const somebody = [{ id: "user_1", email: "ada@example.com", role: "member", isRemoved: false }];

/** Whether a task comes to the same end with this fault as without it, and meets it for certain. */
function isAble(entry: Fault, task: StormTask): boolean {
  const { call, lane, lasting, play, takesMs } = entry;
  const shared = task === "hello" ? ["GetTask"] : everywhere;
  if (entry.task === "start" || (entry.task !== task && !shared.includes(call))) return false;
  // A network that is out of order is so for every call.
  if (lane !== "small" || lasting !== "once" || takesMs > longMs) return false;
  if (play.at === "token" || call.endsWith("?page") || ("network" in play && play.network !== undefined)) return false;
  const { lost, outcome } = manifestOf({ ...planned(entry, 0).injection, task, attempt: 1 }, somebody);
  return !lost && describe(outcome) === describe(plainOutcome(task, somebody));
}
