import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { StatusError } from "../baton/status-error.ts";
import { ksuid } from "./ksuid.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The 20 bytes of a KSUID, decoded the plain way. */
function decode(text: string): Buffer {
  let value = 0n;
  for (const character of text) value = value * 62n + BigInt(alphabet.indexOf(character));
  return Buffer.from(value.toString(16).padStart(40, "0"), "hex");
}

suite("ksuid", () => {
  for (const [id, time] of [
    ["36zfOAoWMxQdISbixanQCRBiX7E", "2025-12-17T23:31:25Z"],
    ["3ARefY5G8eOytquwYgm41Nq07IZ", "2026-03-03T17:45:13Z"],
    ["36zGvJw3uxU1QMJKU2yPVQ1hBOC", "2025-12-17T20:10:15Z"],
  ] as const) {
    test(`makes ${id} of its time and its random bytes`, () => {
      const random = decode(id).subarray(4);
      assert.equal(
        ksuid(Date.parse(time), () => random),
        id,
      );
    });
  }

  test("is the smallest text for the first second and the largest for the last", () => {
    assert.equal(
      ksuid(1_400_000_000_000, () => new Uint8Array(16)),
      "000000000000000000000000000",
    );
    assert.equal(
      ksuid((1_400_000_000 + 0xffff_ffff) * 1000, () => new Uint8Array(16).fill(255)),
      "aWgEPTl1tmebfsQzFP4bxwgy80V",
    );
  });

  test("always has 27 characters and gives time and bytes back", () => {
    const time = fc.integer({ min: 1_400_000_000, max: 1_400_000_000 + 0xffff_ffff });
    const random = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(time, random, fc.nat(999), (seconds, bytes, ms) => {
        const id = ksuid(seconds * 1000 + ms, () => bytes);
        assert.match(id, /^[0-9A-Za-z]{27}$/);
        assert.equal(decode(id).readUInt32BE(0) + 1_400_000_000, seconds);
        assert.deepEqual(new Uint8Array(decode(id).subarray(4)), bytes);
      }),
    );
  });

  test("sorts by time", () => {
    const full = () => new Uint8Array(16).fill(255);
    assert.ok(ksuid(1_700_000_000_000, full) < ksuid(1_700_000_001_000, () => new Uint8Array(16)));
  });

  for (const ms of [0, 1_399_999_999_999, 1e16, Number.NaN]) {
    test(`refuses a clock at ${ms}`, () => {
      assert.throws(() => ksuid(ms, () => new Uint8Array(16)), StatusError);
    });
  }
});
