import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { ByteWriter } from "./byte-writer.ts";

type Field =
  | { readonly kind: "text"; readonly field: number; readonly value: string }
  | { readonly kind: "number"; readonly field: number; readonly value: number }
  | { readonly kind: "message"; readonly field: number; readonly fields: readonly Field[] };

const fieldNumber = fc.integer({ min: 1, max: 200 });
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: fc.constantFrom("a", "é", "日", "🧸", "\ud800", "\udc00", "\u0000"), maxLength: 300 }),
  fc.constant("x".repeat(20_000)),
);

const { message } = fc.letrec<{ message: readonly Field[] }>((tie) => ({
  message: fc.array(
    fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.record({ kind: fc.constant("text" as const), field: fieldNumber, value: text }),
      fc.record({ kind: fc.constant("number" as const), field: fieldNumber, value: fc.nat(2 ** 31 - 1) }),
      fc.record({ kind: fc.constant("message" as const), field: fieldNumber, fields: tie("message") }),
    ),
    { maxLength: 6 },
  ),
}));

function write(writer: ByteWriter, fields: readonly Field[]): void {
  for (const field of fields) {
    if (field.kind === "text") writer.presentText(field.field, field.value);
    else if (field.kind === "number") writer.presentNumber(field.field, field.value);
    else {
      const mark = writer.begin(field.field);
      write(writer, field.fields);
      writer.end(mark);
    }
  }
}

function writeWithLibrary(writer: BinaryWriter, fields: readonly Field[]): BinaryWriter {
  for (const field of fields) {
    if (field.kind === "text") writer.tag(field.field, 2).string(field.value.toWellFormed());
    else if (field.kind === "number") writer.tag(field.field, 0).uint32(field.value);
    else writeWithLibrary(writer.tag(field.field, 2).fork(), field.fields).join();
  }
  return writer;
}

suite("ByteWriter", () => {
  test("writes what the protobuf library writes, record after record in one buffer", () => {
    const writer = new ByteWriter();
    fc.assert(
      fc.property(message, (fields) => {
        writer.reset();
        write(writer, fields);
        assert.deepEqual(new Uint8Array(writer.view()), writeWithLibrary(new BinaryWriter(), fields).finish());
      }),
    );
  });

  test("leaves zero and empty out where presence is implicit", () => {
    const writer = new ByteWriter();
    writer.text(1, "");
    writer.number(2, 0);
    assert.equal(writer.length, 0);
  });

  test("replaces lone surrogates, so that the text is valid UTF-8", () => {
    const writer = new ByteWriter();
    writer.text(1, "a\ud800b");
    const reader = new BinaryReader(writer.view());
    reader.tag();
    assert.equal(new TextDecoder("utf-8", { fatal: true }).decode(reader.bytes()), "a\ufffdb");
  });

  test("keeps a prefix across resets and growth", () => {
    const writer = new ByteWriter();
    writer.text(1, "prefix");
    const kept = writer.length;
    const prefix = writer.copy();
    for (const size of [1, 10_000, 3, 100_000]) {
      writer.reset(kept);
      writer.text(2, "y".repeat(size));
      assert.deepEqual(new Uint8Array(writer.view().subarray(0, kept)), new Uint8Array(prefix));
      assert.equal(writer.view().length, writer.length);
    }
  });
});
