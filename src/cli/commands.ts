import type { FlagSpec } from "../config/flags.ts";
import { checkConfigFlag } from "../config/parse.ts";

/** The words that choose a command, with what each does. Without one, the program syncs. */
export const commands = {
  capabilities: "Print as JSON what this connector can do",
  config: "Print as JSON the schema of the configuration",
  "health-check": "Ask a running daemon for its health: exit code 0 or 1",
  doctor: "Check all that the connector needs, changing nothing",
  inspect: "Show what a sync file holds: inspect FILE",
  diff: "Show what is different between two sync files: diff OLD NEW",
  help: "Print this text",
} as const;

/** Words that other connectors of the family understand and this one refuses, each with the reason. */
export const refusedCommands: Readonly<Record<string, string>> = {
  completion: "there are no completion scripts; --help lists every flag",
  "_connector-service": "connector and daemon are one process here; start the program without this word",
};

/** A flag that belongs to commands rather than to the configuration. */
export interface CommandFlag extends FlagSpec {
  readonly help: string;
}

const flag = (name: string, help: string, more: Partial<FlagSpec> = {}): CommandFlag => ({
  name,
  help,
  short: undefined,
  kind: "bool",
  ...more,
});

/** Flags that act like commands. */
export const actionFlags: readonly CommandFlag[] = [
  flag("help", "Print this text", { short: "h" }),
  flag("version", "Print the version", { short: "v" }),
  { ...checkConfigFlag, help: "Check the configuration, print it with secrets hidden, and exit" },
];

/** Flags of `doctor` alone. */
export const doctorFlags: readonly CommandFlag[] = [
  flag("json", "Print the findings as JSON, as --output=json does"),
  flag("hello", "Say Hello to C1 as well, which C1 shows as a sign of life"),
  flag("list-people", "Name those who are in Cursor or in the directory alone"),
];

/** Flags of `inspect` alone. */
export const inspectFlags: readonly CommandFlag[] = [
  flag("table", "users, resources, entitlements or grants, row by row", { kind: "text" }),
  flag("user", "Only this user: a resource id or an e-mail address", { kind: "text" }),
  flag("role", "Only this role: its resource id", { kind: "text" }),
  flag("sync", "The sync with this id, where a file holds several (default the newest full one)", { kind: "text" }),
];

/** Flags of `health-check` alone; it takes the port and the bind address of the health listener too. */
export const healthCheckFlags: readonly CommandFlag[] = [
  flag("endpoint", "health, ready or live (default health)", { kind: "text" }),
  flag("timeout", "Seconds to wait for the answer, 1..300 (default 5)", { kind: "text" }),
];
