import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { constants, createZstdCompress, zstdCompressSync } from "node:zlib";
import { declaredBytes, maxFrameHeaderBytes } from "./frame-header.ts";

/** A frame of so many zeros, with room behind it as in a file. */
const frame = (bytes: number) =>
  Buffer.concat([
    zstdCompressSync(Buffer.alloc(bytes), { params: { [constants.ZSTD_c_contentSizeFlag]: 1 } }),
    Buffer.alloc(maxFrameHeaderBytes),
  ]);

suite("what a zstd frame says of its size", () => {
  for (const bytes of [0, 1, 255, 256, 65_535, 65_791, 65_792, 1_000_000, 40_000_000]) {
    test(`${bytes} bytes, as the encoder writes it`, () => assert.equal(declaredBytes(frame(bytes)), bytes));
  }

  test("eight bytes of it, which no test can unpack", () => {
    const header = Buffer.alloc(maxFrameHeaderBytes);
    header.writeUInt32LE(0xfd2fb528);
    header.writeUInt8(0b1100_0011, 4);
    header.writeBigUInt64LE(20n * 1024n ** 3n, 10);
    assert.equal(declaredBytes(header), 20 * 1024 ** 3);
  });

  test("nothing, where the size was not known when it began", async () => {
    const stream = createZstdCompress();
    stream.end(Buffer.alloc(100_000));
    assert.equal(declaredBytes(Buffer.concat(await stream.toArray())), undefined);
  });

  test("nothing, where there is no frame", () => {
    assert.equal(declaredBytes(Buffer.from("plain text that is long enough")), undefined);
    assert.equal(declaredBytes(frame(1).subarray(0, 10)), undefined);
  });
});
