import type { Phase } from "../injection.ts";
import { both, type Fault, fault, type Play } from "./fault.ts";
import { failures, intercepted, lostAnswers, networkBreaks, oddAnswers } from "./grpc-effects.ts";

/** Where in the stream; a chunk in the middle is picked by the attempt. */
const points: readonly { readonly phase: Phase; readonly attempts: readonly number[] }[] = [
  { phase: "at-metadata", attempts: [0] },
  { phase: "at-first-chunk", attempts: [1] },
  { phase: "at-middle-chunk", attempts: [2, 3] },
  { phase: "at-last-chunk", attempts: [4] },
];

/** Codes that servers and proxies end a stream with while the client still sends. */
const midStream = ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "ABORTED", "UNAUTHENTICATED", "PERMISSION_DENIED"];

type C1Play = Extract<Play, { readonly at: "c1" }>;
type Way = Pick<C1Play, "answer" | "chunk" | "network"> & { readonly effect: string; readonly takesMs?: number };

const codes = Object.fromEntries(failures.map(({ answer, effect }) => [effect.slice("grpc-".length), answer]));

const ways: readonly Way[] = [
  ...midStream.map((name) => ({ effect: `grpc-${name}`, answer: codes[name] ?? {}, chunk: "fail" as const })),
  { effect: "ok-too-early", answer: {}, chunk: "ok" },
  { effect: "reset", answer: {}, chunk: "drop" },
  { effect: "goaway", answer: {}, chunk: "network", network: "goaway" },
  { effect: "damaged-to-server", answer: {}, chunk: "network", network: "damaged-to-server", takesMs: 8_000 },
  { effect: "damaged-to-client", answer: {}, chunk: "network", network: "damaged-to-client" },
  { effect: "outage", answer: {}, chunk: "network", network: "outage", takesMs: 12_000 },
  { effect: "black-hole", answer: {}, chunk: "network", network: "black-hole", takesMs: 15_000 },
];

const common = { target: "upload", call: "UploadAsset", task: "sync", lane: "large", underTest: both } as const;

/** The one stream. What is at `at-eof` happens when the whole file has come. */
export const uploadFaults: readonly Fault[] = [
  ...points.flatMap(({ attempts, phase }) =>
    ways.map(({ effect, takesMs = 5_000, ...way }) =>
      fault({ ...common, phase, effect, attempts, takesMs, play: { at: "c1", method: "UploadAsset", ...way } }),
    ),
  ),
  ...[...failures, ...intercepted, ...lostAnswers, ...oddAnswers].map(({ answer, effect, phase }) =>
    fault({
      ...common,
      phase: phase === "before" ? "at-eof" : phase,
      effect,
      takesMs: 5_000,
      play: { at: "c1", method: "UploadAsset", answer },
    }),
  ),
  ...["UNAVAILABLE", "INTERNAL", "INVALID_ARGUMENT", "DATA_LOSS"].map((name) =>
    fault({
      ...common,
      phase: "at-eof",
      effect: `grpc-${name}`,
      lasting: "always",
      takesMs: 20_000,
      play: { at: "c1", method: "UploadAsset", answer: codes[name] ?? {} },
    }),
  ),
  ...networkBreaks
    .filter(({ effect }) => effect === "outage" || effect === "restart")
    .map(({ effect, network, takesMs = 5_000 }) =>
      fault({
        ...common,
        phase: "before",
        effect,
        takesMs,
        play: { at: "c1", method: "UploadAsset", answer: {}, ...(network === undefined ? {} : { network }) },
      }),
    ),
  fault({
    ...common,
    phase: "mid-answer",
    effect: "slow",
    takesMs: 8_000,
    play: { at: "c1", method: "UploadAsset", answer: { chunkDelayMs: 700 } },
  }),
  // The program's own watch over a stream that stands still is five minutes.
  fault({
    ...common,
    phase: "at-middle-chunk",
    effect: "stall",
    attempts: [2],
    takesMs: 320_000,
    play: { at: "c1", method: "UploadAsset", answer: {}, chunk: "stall" },
  }),
  fault({
    ...common,
    phase: "at-eof",
    effect: "hang",
    takesMs: 320_000,
    play: { at: "c1", method: "UploadAsset", answer: { hang: true } },
  }),
];
