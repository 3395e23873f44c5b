const encoder = new TextEncoder();

/** The text on one line, runs of white space and control characters made single blanks, cut to `maxBytes` of UTF-8. */
export function oneLine(text: string, maxBytes: number): string {
  return truncateUtf8(text.replace(/[\s\p{Cc}\p{Cs}\u2028\u2029]+/gu, " ").trim(), maxBytes);
}

/** The text, or its longest beginning that fits `maxBytes` of UTF-8 with a closing ellipsis; never half a character. */
function truncateUtf8(text: string, maxBytes: number): string {
  if (encoder.encode(text).length <= maxBytes) return text;
  const ellipsis = "…";
  const room = maxBytes - encoder.encode(ellipsis).length;
  const { read } = encoder.encodeInto(text, new Uint8Array(Math.max(0, room)));
  return text.slice(0, read) + ellipsis;
}

/** `text` cut to at most `max` UTF-8 bytes without splitting a character. */
export function clip(text: string, max: number): string {
  // A UTF-16 unit takes at most three bytes, so most texts need no counting.
  if (text.length * 3 <= max) return text;
  const bytes = Buffer.from(text.toWellFormed());
  if (bytes.length <= max) return text;
  let end = max;
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return bytes.toString("utf8", 0, end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
