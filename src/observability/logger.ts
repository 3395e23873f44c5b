import { createHmac, randomBytes } from "node:crypto";
import pino from "pino";
import type { Clock } from "../baton/clock.ts";
import { emailKey } from "../baton/email-address.ts";
import { logScope, scopeLogger } from "../baton/log-scope.ts";
import type { LogFields, Logger } from "../baton/logger.ts";
import { oneLine } from "../baton/one-line.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "json" | "console";

/** Where lines go. */
export interface LogSink {
  /** May throw: the line is lost then, and what was to be logged goes on. */
  write(line: string): void;
}

export interface LoggerOptions {
  readonly clock: Clock;
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Every line goes to each sink; logs never go to standard output, which carries results only. */
  readonly sinks: readonly LogSink[];
  /** Shows e-mail addresses instead of keyed digests. */
  readonly showPeople: boolean;
  /** Values that must never appear in a line whatever happens, e.g. credentials that were read from files. */
  readonly secrets: () => readonly string[];
  /** Key of the digests; whoever shares it calls the same person by the same digest. By default a new one. */
  readonly personKey?: Uint8Array;
}

/**
 * A logger of JSON lines with the keys `level`, `ts`, `msg`, or of short lines for a terminal; each carries its log scope, and goes to
 * the logger of that scope as well, whatever the level.
 */
export function createLogger(options: LoggerOptions): Logger {
  return withScopeLogger(createPlainLogger(options));
}

function withScopeLogger(log: Logger, common: LogFields = {}): Logger {
  const both = (level: LogLevel) => (message: string, fields?: LogFields) => {
    log[level](message, fields);
    scopeLogger()?.[level](message, { ...common, ...fields });
  };
  return {
    debug: both("debug"),
    info: both("info"),
    warn: both("warn"),
    error: both("error"),
    child: (fields) => withScopeLogger(log.child(fields), { ...common, ...fields }),
  };
}

/** The same without the logger of the scope: for that one itself. */
export function createPlainLogger(options: LoggerOptions): Logger {
  const clean = createCleaner(options);
  // Nothing is taken from an address before it is withheld.
  const format =
    options.format === "console"
      ? (line: string) => `${oneLine(clean(consoleLine(line)))}\n`
      : (line: string) => escapeControls(clean(line));
  const sinks = options.sinks.map((sink) => countingSink(sink, (lost) => format(lossLine(options.clock, lost))));
  const destination = {
    write(line: string): void {
      const text = format(line);
      for (const sink of sinks) sink.write(text);
    },
  };
  const base = pino(
    {
      level: options.level,
      base: null,
      messageKey: "msg",
      timestamp: () => `,"ts":"${new Date(options.clock.nowMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return wrap(base, {});
}

/** Never throws: no work may fail because of its log. As soon as a line can be written again, one tells how many were not. */
function countingSink(sink: LogSink, lossText: (lost: number) => string): LogSink {
  let lost = 0;
  return {
    write(line) {
      try {
        if (lost > 0) sink.write(lossText(lost));
        lost = 0;
        sink.write(line);
      } catch {
        lost += 1;
      }
    },
  };
}

function lossLine(clock: Clock, lost: number): string {
  const ts = new Date(clock.nowMs()).toISOString();
  return `${JSON.stringify({ level: "warn", ts, msg: "lines of this log were lost because they could not be written", lost })}\n`;
}

/** Fields are joined here and not by pino, which would write a key twice that is in two of them. */
function wrap(base: pino.Logger, common: LogFields): Logger {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (base.isLevelEnabled(level)) base[level](inSnakeCase({ ...logScope(), ...common, ...fields }), message);
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (fields) => wrap(base, { ...common, ...fields }),
  };
}

/** Log keys are snake_case like those of the metrics, however a room spells them. */
function inSnakeCase(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

/** Sends each line to both loggers. */
export function teeLogger(first: Logger, second: Logger): Logger {
  const both = (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
    first[level](message, fields);
    second[level](message, fields);
  };
  return {
    debug: both("debug"),
    info: both("info"),
    warn: both("warn"),
    error: both("error"),
    child: (fields) => teeLogger(first.child(fields), second.child(fields)),
  };
}

/** What may stand before the `@`, and in a part of the host: any letters, since a team may have any address. */
const localCharacter = String.raw`[\w.!#$%&'*+/=?^{|}~\u0060\u0080-\u{10FFFF}-]`;
const hostCharacter = String.raw`[\w\u0080-\u{10FFFF}-]`;

/**
 * Addresses of any length, with and without a dot in the host. The name of a scoped package in a path (`node_modules/@a/b`)
 * is none. It begins where such characters begin, which keeps a long text without an address cheap.
 */
const emailPattern = new RegExp(
  `(?<!${localCharacter})${localCharacter}+@${hostCharacter}+(?:(?:\\.${hostCharacter}+)+|(?!${hostCharacter}|/))`,
  "gu",
);

/**
 * The last look at a text before it leaves: known secrets become `[redacted]`, e-mail addresses a digest keyed per
 * process, so that the same person can be followed through one log but not looked up from it. Client ids of C1 look like
 * e-mail addresses and are treated alike.
 */
export function createCleaner({
  showPeople,
  secrets,
  personKey = randomBytes(32),
}: Pick<LoggerOptions, "showPeople" | "secrets" | "personKey">): (text: string) => string {
  const digest = (address: string) =>
    `person-${createHmac("sha256", personKey).update(emailKey(address)).digest("hex").slice(0, 12)}`;
  return (line) => {
    const withoutSecrets = secrets().reduce(
      (text, secret) => (secret.length < 6 ? text : text.replaceAll(secret, "[redacted]")),
      line,
    );
    return showPeople ? withoutSecrets : withoutSecrets.replace(emailPattern, digest);
  };
}

/**
 * JSON escapes only the first 32 characters. These end a line or a column for some viewers, or a terminal obeys them; in a line of
 * JSON they stand in texts alone, where the escape means the same.
 */
function escapeControls(line: string): string {
  return line.replace(/[\u007f-\u009f\p{Cf}\u2028\u2029]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => unitEscape(character.charCodeAt(at))).join(""),
  );
}

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}

/** `12:00:00 warn  message key=value`, from a JSON line. The message is as it is. */
function consoleLine(line: string): string {
  const { level, ts, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  return `${String(ts).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg)}${rest.join("")}`;
}
