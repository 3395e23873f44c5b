// Parsers with planted faults: what the harness must find, each in its own way.

import { mutateBytes } from "./mutate-bytes.ts";
import { mutateJson } from "./mutate-json.ts";
import type { FuzzTarget } from "./target.ts";

function toy(name: string, run: FuzzTarget["run"], over: Partial<FuzzTarget> = {}): FuzzTarget {
  const covers = ["test/fuzz/harness/toys.ts"];
  return { name, covers, seeds: ["seed"], mutators: [mutateBytes], maxBytes: 100, cpuLimitMs: 1000, run, ...over };
}

/** Four letters in a row: without a look at what was reached, one input in billions. */
function readDeep(input: Uint8Array): "accepted" | "refused" {
  if (input[0] !== 0x44) return "refused";
  if (input[1] !== 0x33) return "refused";
  if (input[2] !== 0xc2) return "refused";
  if (input[3] !== 0x11) return "refused";
  throw new TypeError("the bottom was reached");
}

function merge(into: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    const inner = into[key];
    if (typeof inner === "object" && inner !== null && typeof value === "object" && value !== null) {
      merge(Object(inner), Object(value));
    } else into[key] = value;
  }
}

const isMarked = (input: Uint8Array) => input.length > 4 && input.length % 2 === 1;

export const targets: readonly FuzzTarget[] = [
  toy("deep", readDeep),
  toy("sound", (input) => (input.length > 4 ? "accepted" : "refused")),
  // A harness that throws away every input.
  toy("blind", () => "refused", { covers: [] }),
  toy("hangs", (input) => {
    while (isMarked(input));
    return "accepted";
  }),
  toy(
    "slow",
    (input) => {
      const before = process.threadCpuUsage();
      // Processor time, because the machine may be busy with other things.
      while (isMarked(input) && process.threadCpuUsage(before).user < 200_000);
      return "accepted";
    },
    { cpuLimitMs: 100 },
  ),
  toy("grows", (input) => {
    const kept: string[][] = [];
    while (isMarked(input)) kept.push(Array<string>(10_000).fill("x"));
    return "accepted";
  }),
  toy("forgets", async (input) => {
    if (isMarked(input)) Promise.reject(new Error("nobody looked"));
    return "accepted" as const;
  }),
  toy(
    "pollutes",
    (input) => {
      try {
        merge({}, JSON.parse(Buffer.from(input).toString()));
        return "accepted";
      } catch {
        return "refused";
      }
    },
    { seeds: ['{"a":{"b":1}}', '{"__proto__":1}'], mutators: [mutateJson] },
  ),
];
