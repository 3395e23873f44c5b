import { createHash } from "node:crypto";
import type { Fault } from "./catalog/fault.ts";
import type { Injection } from "./injection.ts";

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
  return entries.toSorted((one, other) => draw(seed, "order", one.id) - draw(seed, "order", other.id));
}

/** What the short run leaves to the full one, in milliseconds that an injection takes. */
const longestShortMs = 12_000;
const shortCount = 100;

/** A part of the entries: one of each effect that does not take long, and others up to a hundred. */
export function shortened(entries: readonly Fault[], seed: number): readonly Fault[] {
  const quick = shuffled(entries, seed).filter(({ takesMs }) => takesMs <= longestShortMs);
  const seen = new Set<string>();
  const first = quick.filter(({ effect, lasting }) => {
    const key = `${effect} ${lasting}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  const others = quick.filter((entry) => !first.includes(entry));
  return [...first, ...others.slice(0, Math.max(0, shortCount - first.length))];
}
