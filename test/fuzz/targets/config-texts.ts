import assert from "node:assert/strict";
import { readConfigFile } from "../../../src/config/config-file.ts";
import { optionTable } from "../../../src/config/options.ts";
import { parseBool, parseCsv, parseDuration } from "../../../src/config/text.ts";
import { configInput } from "../../helpers/config-input.ts";
import { mutateBytes, repeatPart } from "../harness/mutate-bytes.ts";
import { assertHidden, checkMessage } from "../harness/oracle.ts";
import type { FuzzTarget } from "../harness/target.ts";
import { ownWords } from "./own-words.ts";

export const yamlTarget: FuzzTarget = {
  name: "yaml",
  covers: ["src/config/config-file.ts", "yaml/dist/parse", "yaml/dist/compose"],
  seeds: [
    "cursor-api-key: {nested: crsr_0123456789abcdef0123456789abcdef}\n",
    "crsr_0123456789abcdef0123456789abcdef: [unknown\n",
    "crsr_0123456789abcdef0123456789abcdef: unknown\n",
    "crsr_0123456789abcdef0123456789abcdef",
    "task-concurrency: 5\nlog-level: 'debug'\nsync-resource-types: [user, \"ro,le\"]\n",
    "? [a]\n: b\n",
    "a: &x [1]\nb: *x\n",
    "--- a\n--- b\n",
    "{a: {b: c}}",
    "log-level: |\n  debug\n",
    "%YAML 1.2\n---\n",
    "[",
    "\tlog-level: x",
    "!!binary a: !<tag:x> b",
    ": x",
    "<<: {log-level: debug}",
  ],
  mutators: [mutateBytes, mutateBytes, repeatPart],
  maxBytes: 4000,
  cpuLimitMs: 1500,
  run(input) {
    const text = Buffer.from(input).toString("utf8");
    const keys = optionTable.flatMap(({ flag }) => flag ?? []);
    const files = configInput({ files: { "/srv/.baton.yaml": text } }).files;
    const { problems, texts, warnings } = readConfigFile(undefined, keys, files, "/srv");
    const said = [...problems.map(({ field, fix, message }) => `${field} ${message}: ${fix}`), ...warnings];
    for (const line of said) {
      checkMessage(line);
      assert.doesNotMatch(line, /unexpected failure/);
      assertHidden(text, line, ownWords);
    }
    for (const [key, found] of texts) {
      assert.ok(keys.includes(key), key);
      assert.ok(found.length > 0 && found.every((each) => typeof each === "string"));
    }
    return problems.length > 0 ? "refused" : "accepted";
  },
};

/** The text of a duration, a boolean or a list. */
export const valueTarget: FuzzTarget = {
  name: "value-text",
  covers: ["src/config/text.ts"],
  seeds: [
    "1m30s",
    "1.5h",
    "300ms",
    "0",
    "1",
    "-1s",
    "1e3s",
    "true",
    'a,"b,c",d',
    '"a""b"',
    'a"b',
    "µs",
    "5µs",
    "",
    "\n",
    '"a" x,',
  ],
  mutators: [mutateBytes, repeatPart],
  maxBytes: 4000,
  cpuLimitMs: 500,
  run(input) {
    const text = Buffer.from(input).toString("utf8");
    const ms = parseDuration(text);
    if (ms !== undefined) assert.ok(ms >= 0 && Number.isSafeInteger(Math.min(ms, 2 ** 52)), `${text} is ${ms} ms`);
    if (parseBool(text) !== undefined) assert.match(text, /^[01tTfF]$|^(true|True|TRUE|false|False|FALSE)$/);
    const fields = parseCsv(text);
    if (fields === undefined) return ms === undefined ? "refused" : "accepted";
    const written = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
    assert.deepEqual(parseCsv(written), fields, "a list that is written down is read the same");
    return "accepted";
  },
};
