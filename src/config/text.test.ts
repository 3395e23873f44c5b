import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { nearest } from "./nearest.ts";
import { parseBool, parseCsv, parseDuration } from "./text.ts";
import { duration } from "./value-type.ts";

suite("texts", () => {
  test("booleans are those of Go", () => {
    for (const yes of ["1", "t", "T", "TRUE", "true", "True"]) assert.equal(parseBool(yes), true);
    for (const no of ["0", "f", "F", "FALSE", "false", "False"]) assert.equal(parseBool(no), false);
    for (const other of ["", "yes", "on", "tRUE", " true", "2"]) assert.equal(parseBool(other), undefined);
  });

  for (const [record, fields] of [
    ["a,b", ["a", "b"]],
    ["", [""]],
    ["a,,b,", ["a", "", "b", ""]],
    ['"a,b",c', ["a,b", "c"]],
    ['"say ""hi""" , b', ['say "hi"', "b"]],
    ['a"b', undefined],
    ['"a', undefined],
    ['"a"b', undefined],
  ] as const) {
    test(`CSV ${JSON.stringify(record)}`, () => assert.deepEqual(parseCsv(record), fields));
  }

  test("quoted CSV fields come back as they went in", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
        const record = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
        assert.deepEqual(parseCsv(record), fields);
      }),
    );
  });

  for (const [text, ms] of [
    ["20s", 20_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["500ms", 500],
    ["2000us", 2],
    ["0", 0],
    ["0s", 0],
    [".5s", 500],
    ["", undefined],
    ["20", undefined],
    ["20 s", undefined],
    ["-1s", undefined],
    ["1d", undefined],
    ["s", undefined],
    ["1s?", undefined],
  ] as const) {
    test(`duration ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), ms));
  }

  test("durations are printed so that they are read again as the same", () => {
    fc.assert(
      fc.property(fc.nat(100_000_000), (ms) => {
        assert.equal(parseDuration(duration(0, 1).format(ms)), ms);
      }),
    );
  });

  test("the nearest name is found for slips of the finger, and none for something else", () => {
    const names = ["client-id", "client-secret", "file"];
    assert.equal(nearest("clientid", names), "client-id");
    assert.equal(nearest("client-scerte", names), "client-secret");
    assert.equal(nearest("fiel", names), "file");
    assert.equal(nearest("provisioning", names), undefined);
    assert.equal(nearest("", names), undefined);
  });
});
