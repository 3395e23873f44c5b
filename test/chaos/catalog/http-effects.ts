import { gzipSync } from "node:zlib";
import type { FaultAnswer } from "../../fakes/fault-answer.ts";
import type { Phase } from "../injection.ts";

/** A way in which an HTTP server, or something before it, fails. */
export interface HttpEffect {
  readonly phase: Phase;
  readonly effect: string;
  readonly answer: FaultAnswer;
  readonly takesMs?: number;
}

export const page = "<!doctype html><html><body><h1>Sign in to continue</h1></body></html>";
const html = { "content-type": "text/html" } as const;

/** An error status without the work being done. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}): HttpEffect {
  const effect = Object.keys(headers).length === 0 ? `status-${code}` : `status-${code}-retry-after`;
  const answer = { status: code, headers, json: { error: "scripted", message: "scripted", detail: "scripted" } };
  return { phase: "before", effect, answer };
}

export const statuses = (...codes: readonly number[]): HttpEffect[] => codes.map((code) => status(code));

/** 429 with both forms of Retry-After (RFC 9110, section 10.2.3); the date is long past, which is no wait at all. */
export const throttled: readonly HttpEffect[] = [
  { ...status(429, { "retry-after": "2" }), takesMs: 5_000 },
  {
    ...status(429, { "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT" }),
    effect: "status-429-retry-after-date",
  },
  { ...status(503, { "retry-after": "1" }) },
];

/** The connection, before anything was done. */
export const brokenBefore: readonly HttpEffect[] = [
  { phase: "before", effect: "reset", answer: { reset: true } },
  { phase: "before", effect: "closed", answer: { raw: "" } },
  { phase: "before", effect: "slow", answer: { delayMs: 3_000 }, takesMs: 6_000 },
];

/** Waits for the program's own time limit, which the stages set to a few seconds. */
export const hangs: HttpEffect = { phase: "before", effect: "hang", answer: { hang: true }, takesMs: 20_000 };

/** The work is done, and nobody hears of it. */
export const lostAfter: readonly HttpEffect[] = [
  { phase: "after-effect", effect: "reset", answer: { resetAfterEffect: true } },
  { phase: "after-effect", effect: "status-500", answer: { ...status(500).answer, afterEffect: true } },
  { phase: "after-effect", effect: "status-502-html", answer: { ...withPage(502), afterEffect: true } },
  { phase: "after-effect", effect: "status-503", answer: { ...status(503).answer, afterEffect: true } },
  { phase: "after-effect", effect: "status-504", answer: { ...status(504).answer, afterEffect: true } },
  { phase: "after-effect", effect: "closed", answer: { raw: "", afterEffect: true } },
];

export const hangsAfter: HttpEffect = {
  phase: "after-effect",
  effect: "hang",
  answer: { hangAfterEffect: true },
  takesMs: 20_000,
};

/** The answer breaks off on its way, or comes in pieces so small that the shortest answer has several. */
export const cutShort: readonly HttpEffect[] = [
  { phase: "mid-answer", effect: "reset", answer: { cutAfterBytes: 20 } },
  { phase: "mid-answer", effect: "slow-body", answer: { slowBody: { bytes: 40, everyMs: 20 } }, takesMs: 6_000 },
];

function withPage(code: number): FaultAnswer {
  return { status: code, headers: html, body: page };
}

/** An answer of 200 with this body. */
export function body(effect: string, text: string, headers: Readonly<Record<string, string>> = {}): HttpEffect {
  return { phase: "answer", effect, answer: { status: 200, headers, body: text } };
}

/** Bytes on the wire that are no right answer. */
export function raw(effect: string, bytes: string | Uint8Array): HttpEffect {
  return { phase: "answer", effect, answer: { raw: bytes } };
}

function head(...lines: readonly string[]): string {
  return `${["HTTP/1.1 200 OK", "content-type: application/json", "connection: close", ...lines].join("\r\n")}\r\n\r\n`;
}

/** Compressed, and damaged: `good` says what the whole would have been. */
export function badGzip(good: string): readonly HttpEffect[] {
  const packed = gzipSync(good);
  const flipped = Buffer.from(packed);
  flipped.writeUInt8(flipped.readUInt8(flipped.length - 6) ^ 0xff, flipped.length - 6);
  const gzip = (bytes: Uint8Array): Uint8Array =>
    Buffer.concat([Buffer.from(head("content-encoding: gzip", `content-length: ${bytes.length}`)), bytes]);
  return [
    raw("gzip-cut", gzip(packed.subarray(0, packed.length - 10))),
    raw("gzip-damaged", gzip(flipped)),
    raw("gzip-only-said", gzip(Buffer.from(good))),
  ];
}

/** The same body compressed rightly. */
export function goodGzip(good: string): FaultAnswer {
  const packed = gzipSync(good);
  const bytes = Buffer.from(head("content-encoding: gzip", `content-length: ${packed.length}`));
  return { raw: Buffer.concat([bytes, packed]) };
}

/** Answers that break HTTP itself (RFC 9112). */
export const brokenHttp: readonly HttpEffect[] = [
  raw("no-http", "SSH-2.0-OpenSSH_9.9\r\n"),
  raw("bad-status-line", "HTTP/1.1 abc\r\n\r\n"),
  raw("huge-header", head(`x-filler: ${"a".repeat(100_000)}`, "content-length: 2")),
  raw("short-body", `${head("content-length: 5000")}{"a":`),
  raw("bad-chunk", `${head("transfer-encoding: chunked")}zz\r\n{}\r\n0\r\n\r\n`),
  raw("cut-chunk", `${head("transfer-encoding: chunked")}ff\r\n{}`),
  raw("head-only", "HTTP/1.1 200 OK\r\ncontent-le"),
];

/** 200 with what is no JSON object of anybody's. */
export const noJson: readonly HttpEffect[] = [
  body("garbage", "\u0000\u0001 not json {{{"),
  body("html-200", page, html),
  body("empty", ""),
  body("json-null", "null"),
  body("json-text", '"ok"'),
  body("json-array", "[]"),
  body("json-empty-object", "{}"),
  body("json-cut", '{"access_token": "abc", "teamMembers": [{"id": "user_1"'),
  { phase: "answer", effect: "status-204", answer: { status: 204, body: "" } },
];

/** Redirects, to where nobody may be led. */
export const redirects: readonly HttpEffect[] = [301, 302, 307, 308].map((code) => ({
  phase: "before",
  effect: `redirect-${code}`,
  answer: { status: code, redirectTo: "http://127.0.0.1:9/elsewhere" },
}));
