// Runs one target on files, for looking at a finding: npx node test/fuzz/replay.ts TARGET FILE...
import { readFileSync } from "node:fs";
import { assertPrototypesIntact } from "./harness/prototypes.ts";
import { findTarget } from "./harness/targets.ts";

const [name = "", ...files] = process.argv.slice(2);
const target = await findTarget(new URL("./targets/all.ts", import.meta.url).href, name);
for (const file of files) {
  console.log(`${file}: ${await target.run(readFileSync(file))}`);
  assertPrototypesIntact();
}
