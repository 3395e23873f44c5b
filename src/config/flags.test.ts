import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type FlagSpec, readFlags } from "./flags.ts";

const specs: readonly FlagSpec[] = [
  { name: "file", short: "f", kind: "text" },
  { name: "provisioning", short: "p", kind: "bool" },
  { name: "log-path", short: undefined, kind: "list" },
];
const read = (...argv: string[]) => {
  const { texts, words, problems } = readFlags(argv, specs);
  return { texts: Object.fromEntries(texts), words, problems };
};

suite("command line", () => {
  for (const [argv, texts] of [
    [["--file=a"], { file: ["a"] }],
    [["--file", "a"], { file: ["a"] }],
    [["--file=a=b"], { file: ["a=b"] }],
    [["--file="], { file: [""] }],
    [["--file", "--provisioning"], { file: ["--provisioning"] }],
    [["-f", "a"], { file: ["a"] }],
    [["-f=a"], { file: ["a"] }],
    [["-fa"], { file: ["a"] }],
    [["-pf", "a"], { provisioning: ["true"], file: ["a"] }],
    [["-p"], { provisioning: ["true"] }],
    [["-p=false"], { provisioning: ["false"] }],
    [["--provisioning"], { provisioning: ["true"] }],
    [["--provisioning=0"], { provisioning: ["0"] }],
    [["--log-path", "a,b", "--log-path=c"], { "log-path": ["a,b", "c"] }],
  ] as const) {
    test(argv.join(" "), () => assert.deepEqual(read(...argv), { texts, words: [], problems: [] }));
  }

  test("a switch does not take the next word; -- ends the flags", () => {
    assert.deepEqual(read("--provisioning", "false", "-", "--", "--file=a").words, ["false", "-", "--file=a"]);
  });

  test("a flag at the end without its value is a problem", () => {
    assert.deepEqual(read("--file").problems, [{ field: "--file", message: "has no value", fix: "write --file=..." }]);
  });

  test("an unknown flag is named with the nearest one, its value is not shown", () => {
    assert.deepEqual(read("--fiel=hunter2").problems, [
      { field: "--fiel", message: "is not known", fix: "did you mean --file?" },
    ]);
    assert.deepEqual(read("--Hunter2!").problems, [
      { field: "a flag", message: "is not known", fix: "--help lists every flag" },
    ]);
    assert.doesNotMatch(JSON.stringify(read("-xhunter2", "-file=hunter2").problems), /hunter2/);
  });

  test("one dash too few and --config are explained", () => {
    assert.equal(read("-log-path=a").problems[0]?.fix, "write --log-path");
    assert.match(read("--config", "x").problems[0]?.fix ?? "", /BATON_CONFIG_PATH/);
  });
});
