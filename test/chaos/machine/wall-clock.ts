/**
 * Loaded into a process under test with `--import`, before everything else: its wall clock is off by as many milliseconds as
 * the file named in TEST_WALL_CLOCK_FILE says at that moment, and a file beside it says that this was told. Monotonic time,
 * timers and the clock of TLS stay as they are.
 */
import { readFileSync, writeFileSync } from "node:fs";

const file = process.env["TEST_WALL_CLOCK_FILE"] ?? "";
const RealDate = Date;

function nowMs(): number {
  const offset = readFileSync(file, "utf8");
  if (offset !== "0") writeFileSync(`${file}.read-${offset}`, "");
  return RealDate.now() + Number(offset);
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [nowMs()] : args, newTarget),
  get: (target, name, receiver) => (name === "now" ? nowMs : Reflect.get(target, name, receiver)),
});
