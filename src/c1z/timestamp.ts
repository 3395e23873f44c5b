/**
 * A time as sync files hold it: `YYYY-MM-DD HH:MM:SS[.fraction]` in UTC without a zone, at most milliseconds, trailing
 * zeros trimmed (Go layout `2006-01-02 15:04:05.999999999`). SQL compares these texts bytewise, so `T`, `Z` and offsets
 * would break the order. `ms` is milliseconds since the Unix epoch, years 0 to 9999.
 */
export function timestampText(ms: number): string {
  const [date = "", time = ""] = new Date(ms).toISOString().split("T");
  return `${date} ${time.replace(/\.?0*Z$/, "")}`;
}
