import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { statusCodes } from "../baton/status-error.ts";
import { cleanDetails, rpcError } from "./rpc-error.ts";

suite("errors of calls", () => {
  test("a message says what happened, where, and what to do next", () => {
    assert.equal(
      rpcError("Hello", "acme.conductor.one", { code: 16, details: "token expired" }).message,
      "Hello at acme.conductor.one failed with unauthenticated: token expired; check BATON_CLIENT_ID and BATON_CLIENT_SECRET: were they rotated or revoked in C1?",
    );
    assert.match(rpcError("Hello", "h", { code: 4, details: "" }, 60_000).message, /there was no answer within 60 s/);
    assert.match(rpcError("Hello", "h", { code: 14, details: "self-signed certificate" }).message, /SSL_CERT_FILE/);
  });

  test("a failure is never OK, and a stream reset from outside is no cancel", () => {
    assert.equal(rpcError("Hello", "h", { code: 0, details: "" }).code, "internal");
    assert.equal(rpcError("Hello", "h", { code: 1, details: "Call cancelled" }).code, "unavailable");
    assert.equal(rpcError("Hello", "h", { code: 1, details: "task was cancelled" }).code, "cancelled");
    assert.equal(rpcError("Hello", "h", { code: 99, details: "" }).code, "unknown");
  });

  test("secrets and e-mail addresses in a server's words are not passed on", () => {
    assert.equal(cleanDetails("Bearer eyJabc.def for jane.doe@example.com"), "Bearer [redacted] for [redacted]");
    assert.equal(cleanDetails("secret-token:conductorone.com:v1:abc is wrong"), "[redacted] is wrong");
  });

  // NUL, soft hyphen, zero-width space, word joiner, byte order mark, a tag.
  for (const unseen of ["\u0000", "\u00ad", "\u200b", "\u2060", "\ufeff", "\u{e0041}"]) {
    test(`nothing of them is shown for ${JSON.stringify(unseen)} within`, () => {
      assert.equal(cleanDetails(`Bearer${unseen}eyJ${unseen}abc.def`), "Bearer [redacted]");
      assert.equal(cleanDetails(`Bearer eyJ${unseen}abc.def ghi`), "Bearer [redacted] ghi");
      assert.equal(cleanDetails(`secret-token:con${unseen}ductorone`), "[redacted]");
      assert.equal(cleanDetails(`ada${unseen}.byron@exam${unseen}ple.com left`), "[redacted] left");
    });
  }

  test("a word as long as a header may be is no work", () => {
    const before = process.cpuUsage();
    assert.equal(cleanDetails("x".repeat(60_000)).length, 298);
    assert.ok(process.cpuUsage(before).user < 500_000);
  });

  test("every code and every text give one line of bounded length", () => {
    const code = fc.constantFrom(...Object.values(statusCodes));
    fc.assert(
      fc.property(code, fc.string({ unit: "binary", maxLength: 1000 }), (number, details) => {
        const { message } = rpcError("GetTask", "h", { code: number, details });
        assert.doesNotMatch(message, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
        assert.ok(Buffer.byteLength(message) < 600);
      }),
    );
  });
});
