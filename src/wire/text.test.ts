import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { durationMs } from "./duration.ts";
import { clip, oneLine } from "./text.ts";

suite("text for the wire", () => {
  test("line breaks, tabs and control characters become single blanks", () => {
    assert.equal(oneLine("  a\r\n\tb\u0000c\u2028d ", 100), "a b c d");
  });

  test("a text that fits is left alone; a longer one ends in an ellipsis", () => {
    assert.equal(oneLine("abcdef", 6), "abcdef");
    assert.equal(oneLine("abcdefg", 6), "abc…");
    assert.equal(oneLine("ÄÖÜß", 7), "ÄÖ…");
  });

  test("never longer than allowed, never half a character, always a beginning", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), fc.integer({ min: 3, max: 80 }), (text, max) => {
        const cut = oneLine(text, max);
        assert.ok(Buffer.byteLength(cut) <= max);
        assert.ok(cut.isWellFormed());
        assert.doesNotMatch(cut, /[\n\r\p{Cc}]/u);
        const whole = oneLine(text, 10_000);
        assert.ok(cut === whole || whole.startsWith(cut.slice(0, -1)));
      }),
    );
  });
});

suite("duration", () => {
  test("both parts count, below zero too, and absent stays absent", () => {
    assert.equal(durationMs({ seconds: 2n, nanos: 500_000_000 }), 2500);
    assert.equal(durationMs({ seconds: 0n, nanos: 100_000_000 }), 100);
    assert.equal(durationMs({ seconds: -1n, nanos: -250_000_000 }), -1250);
    assert.equal(durationMs({ seconds: 0n, nanos: 0 }), 0);
    assert.equal(durationMs(undefined), undefined);
  });
});

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom("a", "é", "日", "🧸", "\u{200d}"), maxLength: 60 }),
);

suite("clip", () => {
  test("leaves what fits and cuts the rest between two characters, as late as possible", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 80 }), (text, max) => {
        const clipped = clip(text, max);
        assert.ok(text.startsWith(clipped));
        const used = Buffer.byteLength(clipped);
        assert.ok(used <= max);
        if (clipped === text) return;
        const [next = ""] = text.slice(clipped.length);
        assert.ok(used + Buffer.byteLength(next) > max);
      }),
    );
  });

  test("cuts a text of lone surrogates without leaving half a character", () => {
    assert.equal(clip("\ud800\ud800", 5), "\ufffd");
  });
});
