import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** The fields of a message by number: numbers for varints, bytes for everything with a length. */
export type WireFields = ReadonlyMap<number, Uint8Array | number>;

/** Reads the fields of a message as they lie on the wire, without any schema. Throws when one comes twice. */
export function wireFields(bytes: Uint8Array): WireFields {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Uint8Array | number>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (fields.has(number)) throw new Error(`field ${number} comes twice`);
    if (type === WireType.Varint) fields.set(number, reader.uint32());
    else if (type === WireType.LengthDelimited) fields.set(number, reader.bytes());
    else throw new Error(`field ${number} has wire type ${type}`);
  }
  return fields;
}

/** The one arm of a message that is a oneof and nothing else: its field number and its own fields. */
export function onlyArm(bytes: Uint8Array): readonly [number, WireFields] {
  const [first, ...others] = wireFields(bytes);
  if (first === undefined || others.length > 0 || typeof first[1] === "number") throw new Error("not one arm");
  return [first[0], wireFields(first[1])];
}
