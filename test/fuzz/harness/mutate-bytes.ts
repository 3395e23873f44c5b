import type { Random } from "./random.ts";
import type { Mutator } from "./target.ts";

/** Pieces that parsers of text trip over. */
const oddTexts = [
  "\0",
  "\uFEFF",
  "\u2028",
  "\u202E",
  "\u00A0",
  "\r\n",
  "\t",
  "é",
  "日",
  "🧸",
  "e\u0301",
  "İ",
  "\u{1D160}",
  "%00",
  "%2e%2e%2f",
  "../",
  "__proto__",
  "constructor",
  "=",
  "@",
  ":",
  "/",
  '"',
  "'",
  "\\",
  "\\ud800",
  "1e999",
  "-0",
  "9007199254740993",
  "0x10",
  "{{",
  "${",
  "*a",
  "&a",
] as const;
const oddBytes = [0, 1, 9, 10, 13, 32, 0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xed, 0xef, 0xf4, 0xfe, 0xff] as const;

type Edit = (input: Buffer, other: Uint8Array, random: Random, words: readonly string[]) => Uint8Array;

const edits: readonly [Edit, ...Edit[]] = [
  (input, _other, random) => {
    if (input.length > 0) input[random.int(input.length)]! ^= 1 << random.int(8);
    return input;
  },
  (input, _other, random) => {
    if (input.length > 0)
      input[random.int(input.length)] = random.chance(0.5) ? random.pick(oddBytes) : random.int(256);
    return input;
  },
  (input, _other, random) => splice(input, random.int(input.length + 1), 0, Buffer.of(random.int(256))),
  (input, _other, random) => splice(input, random.int(input.length + 1), 0, Buffer.from(random.pick(oddTexts))),
  (input, _other, random, words) =>
    splice(input, random.int(input.length + 1), random.int(3), Buffer.from(random.from(words) ?? "")),
  (input, _other, random) => {
    const at = random.int(input.length + 1);
    return splice(input, at, 1 + random.int(Math.max(1, (input.length - at) >> random.int(5))), Buffer.alloc(0));
  },
  (input, _other, random) => {
    const piece = part(input, random);
    return splice(input, random.int(input.length + 1), 0, Buffer.concat(Array<Buffer>(1 + random.int(4)).fill(piece)));
  },
  (input, other, random) => splice(input, random.int(input.length + 1), random.int(8), part(other, random)),
  (input, other, random) =>
    Buffer.concat([input.subarray(0, random.int(input.length + 1)), other.subarray(random.int(other.length + 1))]),
  (input, _other, random) => input.subarray(0, random.int(input.length + 1)),
  (input, _other, random) => {
    const digits = [...input.toString("latin1").matchAll(/\d+/g)];
    const found = random.from(digits);
    if (found === undefined) return input;
    const number = random.pick([
      "0",
      "1",
      "-1",
      "255",
      "256",
      "65535",
      "65536",
      "2147483648",
      "9007199254740993",
      "1e308",
    ]);
    return splice(input, found.index, found[0].length, Buffer.from(number));
  },
];

/** One to four edits of the bytes, without a look at what they mean. */
export const mutateBytes: Mutator = (input, other, random, words) => {
  let edited: Uint8Array = input;
  for (let left = 1 + random.int(4); left > 0; left -= 1) {
    edited = random.pick(edits)(Buffer.from(edited), other, random, words);
  }
  return edited;
};

/** Makes a text longer than any limit that a field may have. */
export const repeatPart: Mutator = (input, _other, random) => {
  const source = Buffer.from(input);
  const piece = part(source, random);
  const times = 2 ** (2 + random.int(12));
  return splice(
    source,
    random.int(source.length + 1),
    0,
    Buffer.concat(Array<Buffer>(times).fill(piece.subarray(0, 16))),
  );
};

export function oddText(random: Random): string {
  return random.pick(oddTexts);
}

function splice(input: Uint8Array, at: number, remove: number, insert: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, at), insert, input.subarray(at + remove)]);
}

function part(input: Uint8Array, random: Random): Buffer {
  const at = random.int(input.length + 1);
  return Buffer.from(input.subarray(at, at + 1 + random.int(32)));
}
