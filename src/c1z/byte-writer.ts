/** Longest string tried byte by byte: below this a loop beats a call into native code, and its length fits one byte. */
const shortTextUnits = 100;
const initialBytes = 4096;
const lengthDelimited = 2;

/**
 * Writes protobuf fields into one buffer that is reused from record to record and only ever grows. Fields of value zero
 * or "" are left out as proto3 has it, except where a method says otherwise. Text that is not well-formed UTF-16 is
 * written with U+FFFD in place of each lone surrogate, so that the bytes are always valid UTF-8.
 */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(initialBytes);
  #at = 0;
  /** One view per length seen, because making a view for every record costs more than filling it. */
  #views: (Uint8Array | undefined)[] = [];

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** Starts over after the first `keep` bytes. */
  reset(keep = 0): void {
    this.#at = keep;
  }

  /** What was written, as a view that the next write overwrites. */
  view(): Uint8Array {
    const known = this.#views[this.#at];
    if (known !== undefined) return known;
    const view = this.#bytes.subarray(0, this.#at);
    this.#views[this.#at] = view;
    return view;
  }

  /** What was written, as bytes of their own. */
  copy(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#at);
  }

  /** A string field; nothing for "". */
  text(field: number, value: string): void {
    if (value !== "") this.presentText(field, value);
  }

  /** A string field with presence (oneof member, map key): written also when it is "". */
  presentText(field: number, value: string): void {
    this.#reserve(value.length * 3 + 20);
    this.#varint((field << 3) | lengthDelimited);
    if (value.length <= shortTextUnits && this.#shortAscii(value)) return;
    const wellFormed = value.toWellFormed();
    this.#varint(Buffer.byteLength(wellFormed));
    this.#at += this.#bytes.write(wellFormed, this.#at);
  }

  /** A varint field (enum, bool, small unsigned integer); nothing for 0. */
  number(field: number, value: number): void {
    if (value !== 0) this.presentNumber(field, value);
  }

  /** A varint field with presence: written also when it is 0. */
  presentNumber(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field << 3);
    this.#varint(value);
  }

  /** A message or bytes field whose content is at hand; written also when it is empty. */
  bytes(field: number, content: Uint8Array): void {
    this.#reserve(content.length + 20);
    this.#varint((field << 3) | lengthDelimited);
    this.#varint(content.length);
    this.raw(content);
  }

  /** Bytes as they are, for fields encoded beforehand. */
  raw(content: Uint8Array): void {
    this.#reserve(content.length);
    this.#bytes.set(content, this.#at);
    this.#at += content.length;
  }

  /** Opens a message field; what is written until `end` with the returned mark is its content. */
  begin(field: number): number {
    this.#reserve(20);
    this.#varint((field << 3) | lengthDelimited);
    this.#at += 1;
    return this.#at;
  }

  /** Closes the message field that `begin` opened. */
  end(mark: number): void {
    const size = this.#at - mark;
    // One byte was left for the length. Longer messages are moved up: that is cheaper than measuring every message
    // first.
    const extra = varintSize(size) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(mark + extra, mark, this.#at);
    }
    this.#at = mark - 1;
    this.#varint(size);
    this.#at += size;
  }

  /** Length and text in one pass when all of it is ASCII; otherwise writes nothing that counts and says so. */
  #shortAscii(value: string): boolean {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    const units = value.length;
    for (let unit = 0; unit < units; unit += 1) {
      const code = value.charCodeAt(unit);
      if (code > 127) return false;
      bytes[start + unit] = code;
    }
    bytes[this.#at] = units;
    this.#at = start + units;
    return true;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#at] = (rest & 127) | 128;
      this.#at += 1;
      rest >>>= 7;
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#views = [];
  }
}

/** Bytes that a varint takes; sizes here stay below 2^31. */
function varintSize(value: number): number {
  if (value < 1 << 7) return 1;
  if (value < 1 << 14) return 2;
  if (value < 1 << 21) return 3;
  return value < 1 << 28 ? 4 : 5;
}
