import { groups, type OptionRow } from "../config/option.ts";
import { type Config, options } from "../config/options.ts";
import type { ParsedConfig } from "../config/parse.ts";
import type { Origin } from "../config/sources.ts";
import type { Output } from "./output.ts";
import { printWarnings } from "./report.ts";

/**
 * Prints the configuration that would be used, in the notation of the YAML file, with where each value comes from.
 * Secrets are hidden. Warnings go to standard error. Whoever has a ParsedConfig has a right one, so the exit code is 0.
 */
export async function checkConfigCommand({ out, parsed }: { out: Output; parsed: ParsedConfig }): Promise<number> {
  printWarnings(parsed.warnings, out);
  out.stdout(configText(parsed));
  return 0;
}

function configText({ config, origins, fileName }: ParsedConfig): string {
  const mode =
    config.clientId === undefined ? "one-shot: without a client id, one sync to a file" : "service: works for C1";
  const names: Readonly<Record<Origin, string>> = {
    flag: "flag",
    secrets: "secrets directory",
    environment: "environment",
    file: fileName,
    default: "",
  };
  const sections = groups.map((group) => {
    const lines = keys()
      .filter((key) => options[key].group === group)
      .map((key) => line(options[key], config[key], names[origins[key]]));
    return `\n# ${group}\n${lines.join("")}`;
  });
  return `# The configuration is right. Mode ${mode}.\n${sections.join("")}`;
}

function keys(): (keyof Config)[] {
  return Object.keys(options).filter((key): key is keyof Config => key in options);
}

function line({ flag, env, type }: OptionRow, value: unknown, origin: string): string {
  const text = value === undefined ? "" : type.format(value);
  const setting = flag === undefined ? `# ${env}=${text}` : `${flag}: ${text === "" ? "" : yamlScalar(text)}`;
  return `${origin === "" ? setting.trimEnd() : `${setting.padEnd(50)}  # ${origin}`}\n`;
}

/** Quoted where YAML would read something else than this text. */
function yamlScalar(text: string): string {
  return /^[\w./:+-]+(?:[ ,][\w./:+-]+)*$/.test(text) ? text : JSON.stringify(text);
}
