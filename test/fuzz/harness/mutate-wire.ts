import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { mutateBytes } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";
import type { Mutator } from "./target.ts";

/** A field as it lies on the wire; `content` is its value without tag and length. */
interface Field {
  readonly number: number;
  readonly type: WireType;
  readonly content: Uint8Array;
}

const maxDepth = 6;

/** Changes a protobuf message field by field, at any depth; what is no message is changed byte by byte. */
export const mutateWire: Mutator = (input, other, random, words) => {
  const fields = readFields(input);
  if (fields === undefined || random.chance(0.1)) return mutateBytes(input, other, random, words);
  return writeFields(edit(fields, readFields(other) ?? [], { random, words }, 0));
};

interface Choices {
  readonly random: Random;
  readonly words: readonly string[];
}

function edit(fields: readonly Field[], donor: readonly Field[], choices: Choices, depth: number): Field[] {
  const { random } = choices;
  const at = random.int(fields.length + 1);
  const field = fields[at];
  if (field === undefined) return [...fields, random.from(donor) ?? newField(choices)];
  const inner = field.type === WireType.LengthDelimited && depth < maxDepth ? readFields(field.content) : undefined;
  if (inner !== undefined && random.chance(0.7)) {
    const content = writeFields(edit(inner, random.chance(0.3) ? fields : donor, choices, depth + 1));
    return fields.with(at, { ...field, content });
  }
  switch (random.int(7)) {
    case 0:
      return fields.toSpliced(at, 1);
    case 1:
      return [...fields, field];
    case 2:
      return fields.with(at, { ...field, number: random.chance(0.5) ? 1 + random.int(24) : 99 + random.int(30) });
    case 3:
      return fields.with(at, newField(choices, field.number));
    case 4:
      return fields.with(at, { ...field, content: newContent(field.type, choices) });
    case 5:
      return fields.with(at, nested(field, random.pick([2, 40, 3000])));
    default:
      return fields.toSpliced(at, 0, random.from(donor) ?? newField(choices));
  }
}

/** The field in itself, again and again: what a recursive message makes of it is the parser's own matter. */
function nested(field: Field, depth: number): Field {
  if (field.type !== WireType.LengthDelimited) return field;
  let content = field.content;
  for (let left = depth; left > 0 && content.length < 60_000; left -= 1) content = writeFields([{ ...field, content }]);
  return { ...field, content };
}

function newField(choices: Choices, number = 1 + choices.random.int(12)): Field {
  const { random } = choices;
  const type = random.pick([
    WireType.LengthDelimited,
    WireType.LengthDelimited,
    WireType.Varint,
    WireType.Bit64,
    WireType.Bit32,
  ]);
  return { number, type, content: newContent(type, choices) };
}

function newContent(type: WireType, { random, words }: Choices): Uint8Array {
  const writer = new BinaryWriter();
  switch (type) {
    case WireType.Varint:
      return writer
        .uint64(random.pick([0n, 1n, 2n, 127n, 128n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]))
        .finish();
    case WireType.Bit64:
      return writer.double(random.pick([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e308])).finish();
    case WireType.Bit32:
      return writer.fixed32(random.int(2 ** 32)).finish();
    default: {
      const word = Buffer.from(random.from(words) ?? "");
      return random.chance(0.7) ? word : Buffer.concat([word, Uint8Array.of(random.int(256), random.int(256))]);
    }
  }
}

function readFields(bytes: Uint8Array): Field[] | undefined {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  try {
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (type === WireType.StartGroup || type === WireType.EndGroup) return undefined;
      fields.push({ number, type, content: contentOf(reader, number, type) });
    }
    return fields.length > 0 ? fields : undefined;
  } catch {
    return undefined;
  }
}

function contentOf(reader: BinaryReader, number: number, type: WireType): Uint8Array {
  return type === WireType.LengthDelimited ? reader.bytes() : reader.skip(type, number);
}

function writeFields(fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const { content, number, type } of fields) {
    writer.tag(number, type);
    if (type === WireType.LengthDelimited) writer.bytes(content);
    else writer.raw(content);
  }
  return writer.finish();
}
