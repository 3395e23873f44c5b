const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((word) => [word, false] as const),
]);

/** True or false as Go's `strconv.ParseBool` reads them; `undefined` for anything else. */
export function parseBool(text: string): boolean | undefined {
  return booleans.get(text);
}

/**
 * The fields of one CSV record (RFC 4180): commas separate, double quotes protect commas and, doubled, themselves.
 * `undefined` when a quote is left open or stands in the middle of a field.
 */
export function parseCsv(record: string): string[] | undefined {
  const fields: string[] = [];
  const field = /[^\S\n]*(?:"((?:[^"]|"")*)"\s*|([^",]*))(,|$)/y;
  for (;;) {
    const match = field.exec(record);
    if (match === null) return undefined;
    fields.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"'));
    if (match[3] !== ",") return fields;
  }
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a span of time as Go's `time.ParseDuration` reads it, without signs: numbers, each with a unit.
 * `undefined` for anything else, a bare number other than 0 included.
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  let total = 0;
  while (part.lastIndex < text.length || text === "") {
    const match = part.exec(text);
    if (match === null) return undefined;
    total += Number(match[1]) * (unitMs[match[2] ?? ""] ?? Number.NaN);
  }
  return Math.round(total);
}
