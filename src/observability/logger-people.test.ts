import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { isEmailAddress } from "../baton/email-address.ts";
import { createCleaner, createLogger, type LogFormat } from "./logger.ts";

/** One line about each value, the value being the target of an action. */
function linesAbout(targets: readonly string[], format: LogFormat = "json"): readonly string[] {
  const lines: string[] = [];
  const log = createLogger({
    clock: createVirtualClock(),
    level: "info",
    format,
    sinks: [{ write: (line) => lines.push(line) }],
    showPeople: false,
    secrets: () => [],
  });
  for (const target of targets) log.info("provisioning action", { target });
  return lines;
}

const surroundings = [
  ["", ""],
  ["user:email:", ""],
  ['the member "', '" is gone'],
  ["gone: ", "."],
] as const;
const digest = /person-[0-9a-f]{12}/;

/** The target of a line. */
function targetOf(line: string | undefined): string {
  return JSON.parse(line ?? "{}").target;
}

suite("people in logs", () => {
  const addresses: readonly (readonly [string, string])[] = [
    ["plain", "ada@example.com"],
    ["with all that may stand before the at sign", "o'neill!#$%&*/=?^_`{|}~-+tag@example.com"],
    ["without a dot in the host", "ada@localhost"],
    ["letters beyond ASCII", "dóra.szűcs@example.com"],
    ["letters beyond ASCII at both ends", "éva.müllerß@example.com"],
    ["another script", "юлия@example.com"],
    ["composed of several characters", "o\u0301scar@example.com"],
    ["beyond the basic plane", "😀ada😀@example.com"],
    ["a host beyond ASCII, as a roster may have it", "ada@bücher.example"],
    ["a host of another script", "ada@пример.рф"],
    ["longer than C1 takes", `${"a".repeat(70)}.byron@example.com`],
    ["a host longer than C1 takes", `ada@${"example".repeat(12)}.com`],
  ];
  for (const [what, address] of addresses) {
    test(`${what}: nothing but a digest is left, wherever it stands`, () => {
      for (const [before, after] of surroundings) {
        for (const format of ["json", "console"] as const) {
          const [line = ""] = linesAbout([`${before}${address}${after}`], format);
          assert.equal(line.match(new RegExp(digest, "g"))?.length, 1, line);
          const left = line.replace(digest, "");
          for (const part of address.split(/[.@]/)) assert.ok(part === "" || !left.includes(part), `${part}: ${line}`);
        }
      }
    });
  }

  test("the same person has the same digest, whatever the case and wherever the address stands", () => {
    const [first, ...others] = linesAbout([
      "dóra@example.com",
      "email:dóra@example.com",
      "user:email:DÓRA@Example.COM",
      "do\u0301ra@example.com",
    ]).map((line) => digest.exec(line)?.[0]);
    assert.deepEqual(new Set(others), new Set([first]));
  });

  test("other people have other digests", () => {
    const digests = linesAbout(["ada@example.com", "bob@example.com", "ada@example.org"]).map(targetOf);
    assert.equal(new Set(digests).size, 3);
  });

  test("any address that an account can be made for", () => {
    const local = fc.stringMatching(/^[\w!#$%&'*+/=?^`{|}~\u00A1-\uD7FF-]{1,20}$/);
    const address = fc.tuple(local, fc.domain()).map((parts) => parts.join("@"));
    fc.assert(
      fc.property(address.filter(isEmailAddress), (email) => {
        const [line] = linesAbout([`email:${email}`]);
        assert.match(targetOf(line), /^email:person-[0-9a-f]{12}$/);
      }),
    );
  });

  const harmless: readonly string[] = [
    "user:user_01ABC",
    "at send (/app/node_modules/@grpc/grpc-js/build/src/call.js:32:19)",
    "admin:* @ 15 per minute",
    "email: not an address",
    "a @ b",
  ];
  for (const text of harmless) {
    test(`${text} stays as it is`, () => assert.equal(targetOf(linesAbout([text])[0]), text));
  }

  test("the same person has the same digest wherever the key is the same, and another one elsewhere", () => {
    const options = { showPeople: false, secrets: () => [] };
    const personKey = new Uint8Array(32).fill(7);
    const [one, same, other] = [{ ...options, personKey }, { ...options, personKey }, options].map((each) =>
      createCleaner(each)("Ada@example.com"),
    );
    assert.equal(one, same);
    assert.notEqual(one, other);
  });

  test("a long text without an address takes no time", () => {
    const startedMs = performance.now();
    linesAbout(["a".repeat(300_000), `${"ab@".repeat(20_000)}`]);
    // Some 200 ms; what grows with the square of the length takes minutes.
    assert.ok(performance.now() - startedMs < 10_000);
  });
});
