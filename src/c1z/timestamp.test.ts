import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { timestampText } from "./timestamp.ts";

suite("timestampText", () => {
  for (const [iso, text] of [
    ["2025-12-17T16:31:25.057Z", "2025-12-17 16:31:25.057"],
    ["2025-12-17T16:31:25.050Z", "2025-12-17 16:31:25.05"],
    ["2025-12-17T16:31:25.500Z", "2025-12-17 16:31:25.5"],
    ["2025-12-17T16:31:20.000Z", "2025-12-17 16:31:20"],
    ["2025-12-17T16:30:00.000Z", "2025-12-17 16:30:00"],
    ["1970-01-01T00:00:00.000Z", "1970-01-01 00:00:00"],
  ] as const) {
    test(`${iso} is ${text}`, () => {
      assert.equal(timestampText(Date.parse(iso)), text);
    });
  }

  const anyTime = fc.integer({ min: 0, max: Date.parse("9999-12-31T23:59:59.999Z") });

  test("has the layout that readers parse and names the same instant", () => {
    fc.assert(
      fc.property(anyTime, (ms) => {
        const text = timestampText(ms);
        assert.match(text, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{0,2}[1-9])?$/);
        assert.equal(Date.parse(`${text.replace(" ", "T")}Z`), ms);
      }),
    );
  });

  test("sorts as text as the times do", () => {
    fc.assert(
      fc.property(anyTime, anyTime, (left, right) => {
        assert.equal(timestampText(left) < timestampText(right), left < right);
      }),
    );
  });
});
