import { StatusError } from "../baton/status-error.ts";

/** Seconds between the Unix epoch and the KSUID epoch (segmentio/ksuid: 14 May 2014). */
const epochSeconds = 1_400_000_000;
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const textLength = 27;
const payloadBytes = 16;

/** `size` bytes that nobody can guess; a parameter so that tests can fix it. */
export type RandomBytes = (size: number) => Uint8Array;

/**
 * A K-sortable unique id: big-endian seconds since the KSUID epoch and 16 random bytes, as 27 base-62 characters.
 * Throws `internal` when the clock is outside 2014 to 2150, which the format cannot say.
 */
export function ksuid(nowMs: number, randomBytes: RandomBytes): string {
  const seconds = Math.floor(nowMs / 1000) - epochSeconds;
  if (!(seconds >= 0 && seconds <= 0xffff_ffff)) {
    throw new StatusError("internal", "the machine's clock is outside 2014 to 2150: set it right, then sync again");
  }
  const bytes = Buffer.alloc(4 + payloadBytes);
  bytes.writeUInt32BE(seconds, 0);
  bytes.set(randomBytes(payloadBytes).subarray(0, payloadBytes), 4);
  return base62(BigInt(`0x${bytes.toString("hex")}`));
}

function base62(value: bigint): string {
  let text = "";
  for (let rest = value; rest > 0n; rest /= 62n) text = alphabet.charAt(Number(rest % 62n)) + text;
  return text.padStart(textLength, "0");
}
