const program = 'process.on("exit", () => process.stderr.write("maxRSS " + process.resourceUsage().maxRSS + "\\n"))';

/** A value of NODE_OPTIONS that makes a program tell at its end, on standard error, the most memory that it ever had. */
export const tellMemory = `--import=data:text/javascript,${encodeURIComponent(program)}`;

/** What a program told, and the rest of its standard error. Throws when it told nothing. */
export function memoryTold(stderr: string): { readonly peakBytes: number; readonly stderr: string } {
  const told = /^maxRSS (\d+)\n/m.exec(stderr);
  if (told === null) throw new Error(`the program did not tell its memory: ${stderr}`);
  return { peakBytes: Number(told[1]) * 1024, stderr: stderr.replace(told[0], "") };
}
