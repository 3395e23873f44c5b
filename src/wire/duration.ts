/** A google.protobuf.Duration as it arrives. */
export interface WireDuration {
  readonly seconds: bigint;
  readonly nanos: number;
}

/**
 * Milliseconds of a Duration, both parts counted; negative ones stay negative and nothing is clamped. `undefined` when
 * the field was left out.
 */
export function durationMs(duration: WireDuration | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;
}
