import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { cleanText } from "./clean-text.ts";

suite("texts from an upstream", () => {
  const cases: readonly [string, string][] = [
    ["Rate limit exceeded", "Rate limit exceeded"],
    ["  two\r\n\tlines\u0000 \u2028end ", "two lines end"],
    ["user ada@example.com is unknown", "user [e-mail] is unknown"],
    ["by <ada+tag@example.com>.", "by [e-mail]"],
    ["bad key key_0123456789abcdef0123456789abcdef", "bad key [withheld]"],
    ["for ada\u00ad.byron@exam\u200bple.com", "for [e-mail]"],
    ["for ada\ufeff.byron\u0000@exam\u2060ple.com", "for [e-mail]"],
    ["bad key key_0123456789\u200babcdef01234\u000056789abcdef", "bad key [withheld]"],
    ["\ud800 half", "\ufffd half"],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), () => assert.equal(cleanText(text, 100), expected));
  }

  test("a long text is cut, without half a character at its end", () => {
    assert.equal(cleanText("a b ".repeat(50), 8), "a b a b…");
    assert.ok(cleanText("😀 ".repeat(50), 9).isWellFormed());
  });

  test("the result is always one short well-formed line without an address", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), fc.emailAddress(), (text, email) => {
        const clean = cleanText(`${text} ${email} ${text}`, 60);
        assert.ok(clean.length <= 60 && clean.isWellFormed());
        assert.doesNotMatch(clean, /[\p{Cc}\n]/u);
        assert.ok(!clean.includes(email));
      }),
    );
  });
});
