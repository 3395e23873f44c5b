/** Values that accompany a log line. Never a secret; e-mail addresses only through `personDigest`-like helpers. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>;

/** The four log methods that we use. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger;
}
