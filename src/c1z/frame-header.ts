/** Bytes that hold every header: magic, descriptor, window, dictionary id and content size (RFC 8878, section 3.1.1). */
export const maxFrameHeaderBytes = 18;

const zstdMagic = 0xfd2fb528;

/**
 * How many bytes a zstd frame says to unpack to; `undefined` where it does not say, or where `header` is not the beginning of
 * a frame, which the decoder will find.
 */
export function declaredBytes(header: Uint8Array): number | undefined {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.byteLength < maxFrameHeaderBytes || view.getUint32(0, true) !== zstdMagic) return undefined;
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
  const at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
  switch (descriptor >> 6) {
    case 0:
      return singleSegment ? view.getUint8(at) : undefined;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
