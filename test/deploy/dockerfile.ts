/** One instruction of a Dockerfile. */
export interface Instruction {
  readonly keyword: string;
  readonly flags: readonly string[];
  /** What follows the flags, continuation lines joined. */
  readonly text: string;
  /** The texts of the JSON (exec) form; undefined in the shell form. */
  readonly exec: readonly string[] | undefined;
  readonly line: number;
}

/** A build stage: its FROM and what follows. What comes before the first FROM has no stage. */
export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** ARG instructions before the first FROM. */
  readonly globals: readonly Instruction[];
  readonly stages: readonly Stage[];
}

/** Reads a Dockerfile. Throws for heredocs and other syntax directives than comments, which this project does not use. */
export function parseDockerfile(text: string): Dockerfile {
  const globals: Instruction[] = [];
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    if (instruction.keyword === "FROM") {
      const [base = "", as, name] = instruction.text.split(/\s+/);
      stages.push({ base, name: as?.toUpperCase() === "AS" ? name : undefined, instructions: [] });
    } else (stages.at(-1)?.instructions ?? globals).push(instruction);
  }
  return { globals, stages };
}

function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = [];
  let open: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    if (/^\s*#/.test(raw) || (open === undefined && raw.trim() === "")) continue;
    if (/<<-?["']?[A-Z]/.test(raw)) throw new Error(`line ${index + 1}: heredocs are not understood`);
    const part = raw.replace(/\\\s*$/, "");
    open = { text: `${open?.text ?? ""}${part}`, line: open?.line ?? index + 1 };
    if (part !== raw) continue;
    found.push(readInstruction(open.text, open.line));
    open = undefined;
  }
  if (open !== undefined) throw new Error(`line ${open.line}: the last line ends with a backslash`);
  return found;
}

function readInstruction(source: string, line: number): Instruction {
  const [, keyword = "", rest = ""] = /^\s*([A-Za-z]+)\s+([\s\S]*)$/.exec(source) ?? [];
  const flags = /^(?:--\S+\s+)*/.exec(rest)?.[0] ?? "";
  const text = rest.slice(flags.length).trim();
  return {
    keyword: keyword.toUpperCase(),
    flags: flags.trim() === "" ? [] : flags.trim().split(/\s+/),
    text,
    exec: text.startsWith("[") ? JSON.parse(text) : undefined,
    line,
  };
}

/** The defaults of the ARGs before the first FROM. */
export function defaultArguments({ globals }: Dockerfile): Record<string, string> {
  const pairs = globals.map(({ text }): [string, string] => {
    const at = text.indexOf("=");
    return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

/** `NAME=value` pairs of an ENV or LABEL instruction, quotes taken off. */
export function pairsOf({ text }: Instruction): Record<string, string> {
  const pairs = text.matchAll(/([\w.-]+)=("(?:\\.|[^"\\])*"|\S*)/g);
  return Object.fromEntries(Array.from(pairs, ([, name = "", value = ""]) => [name, value.replace(/^"|"$/g, "")]));
}
