/** Where a command writes. Results go to standard output, everything else to standard error. */
export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
}
