import { type Dockerfile, defaultArguments, type Instruction, pairsOf } from "./dockerfile.ts";

/** What is wrong with a Dockerfile of this project, one line each. */
export function dockerfileProblems(dockerfile: Dockerfile): string[] {
  const last = dockerfile.stages.at(-1);
  if (last === undefined) return ["there is no FROM"];
  return [
    ...baseProblems(dockerfile),
    ...dockerfile.stages.flatMap(({ instructions }) => instructions.flatMap(instructionProblems)),
    ...finalProblems(last.instructions),
  ];
}

/** Bases come from build arguments, so that a release can pin them by digest, and their defaults name a version. */
function baseProblems(dockerfile: Dockerfile): string[] {
  const defaults = defaultArguments(dockerfile);
  const earlier = new Set<string>();
  return dockerfile.stages.flatMap(({ base, name }) => {
    const problems: string[] = [];
    const argument = /^\$\{(\w+)\}$/.exec(base)?.[1];
    const image = argument === undefined ? undefined : defaults[argument];
    if (earlier.has(base)) problems.push(`${base}: the base is an earlier stage; the runtime needs a base of its own`);
    else if (argument === undefined) problems.push(`${base}: the base is no build argument`);
    else if (!image) problems.push(`${argument}: has no default`);
    else if (/:latest$|^[^:@]+$/.test(image)) problems.push(`${image}: names no version`);
    if (name !== undefined) earlier.add(name);
    return problems;
  });
}

const secretWords = /PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|CREDENTIAL/i;

function instructionProblems(instruction: Instruction): string[] {
  const { keyword, exec, text, flags } = instruction;
  const problems: string[] = [];
  if (keyword === "ADD") problems.push("ADD: use COPY, which neither downloads nor unpacks");
  if (["RUN", "ENTRYPOINT", "CMD"].includes(keyword) && exec === undefined) {
    problems.push(`${keyword}: shell form; there is no shell`);
  }
  if (keyword === "SHELL") problems.push("SHELL: there is no shell");
  if (keyword === "COPY" && !flags.some((flag) => flag.startsWith("--from=")) && /^(\.|\*|\/)\s/.test(text)) {
    problems.push("COPY: copies the whole context; name what is needed");
  }
  if (["ENV", "ARG"].includes(keyword) && secretWords.test(text))
    problems.push(`${keyword}: a secret would stay inside`);
  return problems.map((problem) => `line ${instruction.line}: ${problem}`);
}

const wantedLabels = ["title", "description", "licenses", "version", "revision", "source", "base.name"];

function finalProblems(instructions: readonly Instruction[]): string[] {
  const all = (keyword: string) => instructions.filter((instruction) => instruction.keyword === keyword);
  const problems: string[] = [];
  const user = all("USER").at(-1)?.text;
  if (!/^[1-9]\d*:[1-9]\d*$/.test(user ?? ""))
    problems.push("USER: must be a numeric user and group other than root's");
  const entrypoint = all("ENTRYPOINT");
  if (entrypoint.length !== 1) problems.push("ENTRYPOINT: must be there once");
  if (!entrypoint[0]?.exec?.[0]?.startsWith("/")) problems.push("ENTRYPOINT: must name its program by path");
  if (all("CMD").length > 0) problems.push("CMD: arguments of the operator would replace it");
  if (all("RUN").length > 0) problems.push("RUN: nothing can run in the last stage");
  if (all("COPY").some(({ flags }) => !flags.some((flag) => flag.startsWith("--from=")))) {
    problems.push("COPY: the last stage takes files only from the build");
  }
  if (all("COPY").some(({ flags }) => !flags.includes("--chown=0:0"))) {
    problems.push("COPY: files must belong to root, so that the process cannot change them");
  }
  if (all("STOPSIGNAL").some(({ text }) => text !== "SIGTERM")) problems.push("STOPSIGNAL: must be SIGTERM");
  const labels = Object.assign({}, ...all("LABEL").map(pairsOf));
  for (const label of wantedLabels) {
    if (!(`org.opencontainers.image.${label}` in labels)) problems.push(`LABEL: ${label} is missing`);
  }
  return problems;
}
