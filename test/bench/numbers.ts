/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error("there is nothing to take the median of");
  return (lower + upper) / 2;
}

/** The medians of each field over several records with the same fields. */
export function medians(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(records[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(records.map((record) => record[name] ?? Number.NaN))]));
}

/** How far apart the values are, as a part of the largest one. */
export function spread(values: readonly number[]): number {
  const largest = Math.max(...values);
  return (largest - Math.min(...values)) / largest;
}

export const mib = 1024 * 1024;

export const showSeconds = (seconds: number): string => `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
export const showMib = (bytes: number): string => `${(bytes / mib).toFixed(bytes < 10 * mib ? 1 : 0)} MiB`;
export const showMilliCores = (milliCores: number): string => `${milliCores.toFixed(1)} mCPU`;
export const showRatio = (ratio: number): string => `${ratio.toFixed(2)}x`;
export const showCount = (count: number): string => count.toLocaleString("en-US");

/** Columns as wide as they have to be; the first one to the left, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(...[title, ...rows.map((row) => row[column] ?? "")].map(length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

function length(text: string): number {
  return text.length;
}
