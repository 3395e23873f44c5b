import { groups, type OptionRow } from "../config/option.ts";
import { optionTable } from "../config/options.ts";
import { actionFlags, commands, doctorFlags, healthCheckFlags, inspectFlags } from "./commands.ts";
import type { Output } from "./output.ts";

const columns = 80;

/** Prints how the program is called: every option that has an effect, by group, 80 columns wide. */
export async function helpCommand({ out }: { out: Output }): Promise<number> {
  out.stdout(helpText());
  return 0;
}

/** The text of `--help`. */
export function helpText(): string {
  const working = optionTable.filter((row) => row.standing === "works" && !row.hidden);
  const sections = groups.map((group) => {
    const rows = working.filter((row) => row.group === group);
    return `${group}:\n${rows.map(optionText).join("")}`;
  });
  const commandLines = Object.entries(commands).map(([name, help]) => `  ${name.padEnd(14)}${help}\n`);
  const commandFlags = (flags: typeof actionFlags) =>
    flags
      .map(({ name, short, kind, help }) => entry(`${lead(short)}--${name}${kind === "bool" ? "" : " text"}`, help))
      .join("");
  return `${wrap(
    "baton-cursor syncs a Cursor team to ConductorOne (C1). With a client id it runs as a daemon that works for C1 " +
      "(service mode); without one it writes one sync to a file (one-shot) and ends.",
    0,
  )}
Usage:
  baton-cursor [flags]
  baton-cursor <command> [flags]

Commands:
${commandLines.join("")}
${sections.join("\n")}
Instead of syncing:
${commandFlags(actionFlags)}
Flags of doctor:
${commandFlags(doctorFlags)}
Flags of inspect:
${commandFlags(inspectFlags)}
Flags of health-check:
${commandFlags(healthCheckFlags)}
${wrap(
  "Flags win over files of the secrets directory, these over variables (in brackets), these over the YAML file that " +
    "BATON_CONFIG_PATH names (./.baton.yaml by default), where options are called like their flags. Options of other " +
    "connectors that have no effect here, or are refused, are listed in docs/configuration.md.",
  0,
)}`;
}

function lead(short: string | undefined): string {
  return short === undefined ? "      " : `  -${short}, `;
}

function optionText(row: OptionRow): string {
  const { flag, env, short, type } = row;
  const shape = type.kind === "bool" ? "" : ` ${type.kind === "list" ? "list" : "value"}`;
  const name = flag === undefined ? `  ${env}` : `${lead(short)}--${flag}${shape}`;
  const notes = [
    ...(row.required ? ["required"] : []),
    ...(type.shape === "" || type.kind === "bool" || type.shape === "path" ? [] : [type.shape]),
    ...(row.defaultText === "" ? [] : [`default ${row.defaultText}`]),
    ...(row.oneShot ? ["one-shot only"] : []),
  ];
  const variable = flag === undefined ? "" : ` [${env}]`;
  return entry(name, `${row.help}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}${variable}`);
}

function entry(name: string, help: string): string {
  return `${name}\n${wrap(help, 10)}`;
}

/** Breaks between words so that no line is longer than the terminal; a word that is longer stays whole. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || indent + line.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.map((line) => `${" ".repeat(indent)}${line}\n`).join("");
}
