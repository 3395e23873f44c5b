/** Where a command writes. Results go to standard output, everything else to standard error. */
export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** A text from outside on one line of a terminal, which obeys control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
}
