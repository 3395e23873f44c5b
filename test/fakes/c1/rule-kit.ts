/** A field and what is wrong with it. */
export type Fault = readonly [field: string, message: string];

const encoder = new TextEncoder();

/** Length in characters, as protobuf rules count `min_len` and `max_len`. */
export function characters(field: string, value: string, min: number, max: number): Fault[] {
  const length = [...value].length;
  return length < min || length > max ? [[field, `has ${length} characters, not ${min} to ${max}`]] : [];
}

/** Length in bytes, as protobuf rules count `min_bytes` and `max_bytes`. */
export function bytes(field: string, value: string | Uint8Array, min: number, max: number): Fault[] {
  const length = typeof value === "string" ? encoder.encode(value).length : value.length;
  return length < min || length > max ? [[field, `has ${length} bytes, not ${min} to ${max}`]] : [];
}
