import { constants } from "node:http2";
import { grpcCodes, type WireFault } from "../../fakes/c1-server.ts";
import type { Phase } from "../injection.ts";
import type { C1Answer, NetworkAction } from "./fault.ts";
import { page } from "./http-effects.ts";

/** A way in which a gRPC server, or something before it, fails. */
export interface GrpcEffect {
  readonly phase: Phase;
  readonly effect: string;
  readonly answer: C1Answer;
  readonly network?: NetworkAction;
  readonly takesMs?: number;
}

/** Every status but OK, one per code (gRPC core, `statuscodes`). */
export const failures: readonly GrpcEffect[] = Object.entries(grpcCodes)
  .filter(([name]) => name !== "OK")
  .map(([name, error]) => ({ phase: "before", effect: `grpc-${name}`, answer: { error } }));

/** A status beyond those that gRPC knows. */
export const strangeStatus: GrpcEffect = { phase: "before", effect: "grpc-99", answer: { error: 99 } };

const rst = (code: number): WireFault => ({ kind: "rst-stream", code });
const proxy = (status: number): WireFault => ({ kind: "http", status, body: page, contentType: "text/html" });

const resets: readonly [string, number][] = [
  ["rst-refused", constants.NGHTTP2_REFUSED_STREAM],
  ["rst-internal", constants.NGHTTP2_INTERNAL_ERROR],
  ["rst-cancel", constants.NGHTTP2_CANCEL],
  ["rst-calm", constants.NGHTTP2_ENHANCE_YOUR_CALM],
];

/** The call does not reach the service: streams that are reset, and proxies that answer in its place. */
export const intercepted: readonly GrpcEffect[] = [
  ...resets.map(([effect, code]) => ({ effect, answer: { wire: rst(code), undone: true } as const })),
  ...[401, 403, 404, 429, 502, 503].map((status) => ({
    effect: `http-${status}`,
    answer: { wire: proxy(status), undone: true } as const,
  })),
].map((each) => ({ phase: "before", ...each }));

/** The network, at the moment at which the call has arrived. */
export const networkBreaks: readonly GrpcEffect[] = [
  { phase: "before", effect: "reset", answer: { dropConnection: true } },
  { phase: "before", effect: "slow", answer: { delayMs: 3_000 }, takesMs: 6_000 },
  { phase: "before", effect: "goaway", answer: {}, network: "goaway" },
  // TLS finds it and ends the connection: with an alert of the server's, or one of the program's own.
  { phase: "before", effect: "damaged-to-server", answer: {}, network: "damaged-to-server", takesMs: 8_000 },
  { phase: "before", effect: "damaged-to-client", answer: {}, network: "damaged-to-client", takesMs: 8_000 },
  { phase: "before", effect: "restart", answer: { dropConnection: true }, network: "restart" },
  { phase: "before", effect: "outage", answer: { dropConnection: true }, network: "outage", takesMs: 10_000 },
  { phase: "before", effect: "black-hole", answer: {}, network: "black-hole", takesMs: 15_000 },
];

/** The call has done its work, and the answer is lost or cannot be read. */
export const lostAnswers: readonly GrpcEffect[] = [
  { effect: "reset", answer: { dropResponse: true } as const },
  { effect: "rst-internal", answer: { wire: rst(constants.NGHTTP2_INTERNAL_ERROR) } },
  { effect: "http-502", answer: { wire: proxy(502) } },
  ...(["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN"] as const).map((name) => ({
    effect: `grpc-${name}`,
    answer: { wire: { kind: "status", code: grpcCodes[name] } as const },
  })),
  ...(["no-status", "no-message", "cut-message", "garbage", "compressed"] as const).map((kind) => ({
    effect: kind,
    answer: { wire: { kind } },
  })),
  { effect: "oversized", answer: { padBytes: 5 * 1024 * 1024 } },
].map((each) => ({ phase: "after-effect", ...each }));

/** Answers that are right, only unusual. */
export const oddAnswers: readonly GrpcEffect[] = [
  { phase: "answer", effect: "unknown-fields", answer: { unknownFields: true } },
  { phase: "answer", effect: "padded-1-mib", answer: { padBytes: 1024 * 1024 } },
];

/** Never answers; what ends it is the program's own deadline. */
export function hanging(deadlineMs: number): GrpcEffect {
  return { phase: "before", effect: "hang", answer: { hang: true }, takesMs: deadlineMs + 5_000 };
}
