/**
 * Loaded into a process under test with `--import`, before everything else: its wall clock is off by as many milliseconds as
 * the file named in TEST_WALL_CLOCK_FILE says at that moment. Monotonic time, timers and the clock of TLS stay as they are.
 */
import { readFileSync } from "node:fs";

const file = process.env["TEST_WALL_CLOCK_FILE"] ?? "";
const RealDate = Date;

function nowMs(): number {
  return RealDate.now() + Number(readFileSync(file, "utf8"));
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [nowMs()] : args, newTarget),
  get: (target, name, receiver) => (name === "now" ? nowMs : Reflect.get(target, name, receiver)),
});
