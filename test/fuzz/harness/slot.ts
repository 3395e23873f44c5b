/** The input that a worker is busy with, where the main thread can see it even when the worker never comes back. */
export interface Slot {
  readonly memory: SharedArrayBuffer;
  /** Names the input that comes next. Longer ones than `maxBytes` are cut. */
  put(input: Uint8Array): void;
  /** How many inputs were put so far. */
  count(): number;
  /** A copy of the last one. */
  current(): Uint8Array;
}

const headerBytes = 8;

/** A new slot, or another view of `memory`. */
export function createSlot(maxBytes: number, memory = new SharedArrayBuffer(headerBytes + maxBytes)): Slot {
  const header = new Int32Array(memory, 0, 2);
  const body = new Uint8Array(memory, headerBytes);
  return {
    memory,
    put(input) {
      const kept = input.subarray(0, body.length);
      body.set(kept);
      Atomics.store(header, 1, kept.length);
      Atomics.add(header, 0, 1);
    },
    count: () => Atomics.load(header, 0),
    current: () => body.slice(0, Atomics.load(header, 1)),
  };
}
