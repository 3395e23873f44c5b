import assert from "node:assert/strict";
import { type StatusCode, StatusError } from "../../../src/baton/status-error.ts";

/** What an attempt gave: its value, or the error with which the program says that it does not accept the input. */
export type Outcome<T> =
  | { readonly value: T; readonly error?: never }
  | { readonly value?: never; readonly error: StatusError };

/** Longest message of a refusal, in UTF-16 units: it is one line of a log and goes to C1. */
const maxMessageUnits = 2048;

/**
 * Runs a parser. Anything that it throws must be a StatusError of one of `codes` whose message is one short line; anything else
 * is a finding.
 */
export function attempt<T>(work: () => T, codes: readonly StatusCode[]): Outcome<T> {
  try {
    return { value: work() };
  } catch (reason) {
    return { error: refusal(reason, codes) };
  }
}

/** The same for a parser that takes its time. */
export async function attemptAsync<T>(work: () => Promise<T>, codes: readonly StatusCode[]): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (reason) {
    return { error: refusal(reason, codes) };
  }
}

function refusal(reason: unknown, codes: readonly StatusCode[]): StatusError {
  if (!(reason instanceof StatusError)) throw reason;
  assert.ok(codes.includes(reason.code), `refused as ${reason.code}: ${reason.message}`);
  checkMessage(reason.message);
  assert.doesNotMatch(reason.message, /unexpected failure/, "a refusal says what is wrong");
  return reason;
}

/** A message for people: one line, not long, text that can be written. */
export function checkMessage(message: string): void {
  assert.ok(message.length <= maxMessageUnits, `a message of ${message.length} units`);
  assert.doesNotMatch(message, /[\p{Cc}\u2028\u2029]/u, "a message is one line");
  assert.ok(message.isWellFormed(), "a message is well-formed text");
}

/** Shorter pieces occur in messages by chance. */
const pieceUnits = 20;

/**
 * Throws when a part of a secret stands in `shown`: any 20 units in a row, unless they stand in `open` too, the texts that may be
 * said: those of the sources, and what is no secret.
 */
export function assertHidden(secret: string, shown: string, open: string): void {
  for (let at = 0; at + pieceUnits <= secret.length; at += 1) {
    const piece = secret.slice(at, at + pieceUnits);
    if (shown.includes(piece) && !open.includes(piece)) assert.fail(`a part of a secret is shown: ${shown}`);
  }
}
