/**
 * Writes the documents that are made from tables in the sources, or, with `--check`, fails when one of them is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { exitCodes } from "../src/cli/exit-codes.ts";
import { groups, type OptionRow } from "../src/config/option.ts";
import { environmentOnly, optionTable, secretOptions } from "../src/config/options.ts";
import { labelValuesByName, metricRows } from "../src/observability/metric-rows.ts";

const root = new URL("../", import.meta.url).pathname;

/** The generated documents by their paths. */
export const documents: Readonly<Record<string, () => string>> = {
  "docs/configuration.md": configurationDocument,
  "docs/metrics.md": metricsDocument,
};

/** The generated documents that differ from what is on disk. */
export function staleDocuments(): string[] {
  return Object.entries(documents)
    .filter(([path, render]) => readIfThere(path) !== render())
    .map(([path]) => path);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(root + path, "utf8");
  } catch {
    return undefined;
  }
}

function metricsDocument(): string {
  const rows = metricRows.map(
    ({ name, type, labels, help }) =>
      `| \`baton_${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
  );
  const labels = Object.entries(labelValuesByName).map(
    ([name, values]) => `| \`${name}\` | ${values.map((value) => `\`${value}\``).join(", ")} |`,
  );
  return `<!-- Generated from src/observability/metric-rows.ts by \`make generate\`. Do not edit. -->

# Metrics

Served as \`/metrics\` on the health listener, or on a listener of its own with \`BATON_METRICS_PORT\`. The process, garbage collection and
event-loop metrics of prom-client are there too. Fewer than 400 series in all. No label ever holds an id, an address or a person.
Every series is there from the start, with 0, except those whose meaning says otherwise. The chart has alerts and a dashboard
for them (\`metrics.rules\`, \`metrics.dashboard\`); what to do when an alert fires is in [runbooks.md](runbooks.md).

| Metric | Type | Labels | Meaning |
|---|---|---|---|
${rows.join("\n")}

A gauge named \`..._timestamp_seconds\`, and what describes the last accepted sync, is absent until there is something to say. State of syncs
lives in the process that ran them: after a restart it is absent until the next sync, and with several replicas the newest one counts.

## Labels

| Label | Values |
|---|---|
${labels.join("\n")}
| \`version\`, \`revision\`, \`node\` | what runs |
`;
}

function configurationDocument(): string {
  const standing = (wanted: OptionRow["standing"]) => optionTable.filter((row) => row.standing === wanted);
  const names = secretOptions.map((row) => `\`${row.env}\``).join(", ");
  return `<!-- Generated from src/config by \`make generate\`. Do not edit. -->

# Configuration

With a client id the program is a daemon that works for C1 (service mode). Without one it writes one sync to a file and ends
(one-shot).

\`baton-cursor --check-config\` prints the configuration that would be used, with where each value comes from and secrets hidden.
Everything that is wrong is reported at once, each with its fix.

## Where options come from

The first that says something wins:

1. the flag, \`--task-concurrency=5\` or \`--task-concurrency 5\`;
2. for the five credentials only, a file of the secrets directory;
3. the variable, \`BATON_TASK_CONCURRENCY=5\`; an empty one counts as not set;
4. the YAML file, \`task-concurrency: 5\`;
5. the default.

Switches understand \`1\`, \`t\`, \`true\`, \`True\`, \`TRUE\` and \`0\`, \`f\`, \`false\`, \`False\`, \`FALSE\`; a flag alone switches on. Lists are
repeated flags, a YAML list, or one text with commas (\`a,b\`, \`"with,comma",b\`). Times are written \`20s\`, \`1m30s\`, \`500ms\`.

Unknown flags are errors. Unknown \`BATON_*\` variables and unknown keys of the file are warnings with the nearest known name.

### The YAML file

\`BATON_CONFIG_PATH\` names it; without that, \`./.baton.yaml\` is read if it is there. Keys are the flags without dashes in front.

\`\`\`yaml
# .baton.yaml
cursor-api-key: key_...
file: cursor.c1z
sync-resource-types: [user, role]
log-level: debug
\`\`\`

### The secrets directory

\`BATON_SECRETS_DIR\` names a directory whose files are called like the variables, as a mounted Kubernetes Secret has them:
${names}.
White space around their content is dropped. If a file and its variable differ, the file wins and a warning says so. Prefer files or
variables to flags: other users of a machine can read a process's command line.

## What works

${groups.map((group) => `### ${group}\n\n${workingTable(standing("works").filter((row) => row.group === group))}`).join("\n\n")}

Options exist since version 0.1.0 unless the table says otherwise. "One-shot" options have no effect in service mode; one warning
names those that were given.

## Accepted without effect

Other connectors of the family know these. They may stay in a manifest; a warning gives the reason.

${inertTable(standing("ignored"))}

## Refused

Each ends the start with exit code 12 and the reason. Those marked one-shot are ignored in service mode, with one warning.

${inertTable(standing("refused"))}

## Only in the environment

| Variable | Meaning |
|---|---|
${environmentOnly.map(({ env, help }) => `| \`${env.replaceAll(", ", "`, `")}\` | ${cell(help)} |`).join("\n")}

## Exit codes

| Code | Meaning |
|---|---|
${exitCodes.map(({ code, meaning }) => `| ${code} | ${cell(meaning)} |`).join("\n")}

Other failures end with the number of their gRPC status.
`;
}

function workingTable(rows: readonly OptionRow[]): string {
  return [
    "| Flag | Variable | Values | Default | Meaning |",
    "|---|---|---|---|---|",
    ...rows.map((row) => {
      const { type, defaultText, help } = row;
      const notes = [
        ...(row.required ? ["required"] : []),
        ...(row.oneShot ? ["one-shot"] : []),
        ...(row.since === "0.1.0" ? [] : [`since ${row.since}`]),
      ];
      const meaning = `${help}${notes.length === 0 ? "" : ` (${notes.join(", ")})`}`;
      return `| ${flagCell(row)} | \`${row.env}\` | ${cell(type.shape)} | ${cell(defaultText)} | ${cell(meaning)} |`;
    }),
  ].join("\n");
}

function inertTable(rows: readonly OptionRow[]): string {
  return [
    "| Flag | Variable | Why |",
    "|---|---|---|",
    ...rows.map((row) => {
      const note = row.oneShot ? " (one-shot)" : "";
      return `| ${flagCell(row)} | \`${row.env}\` | ${cell(row.reason)}${note} |`;
    }),
  ].join("\n");
}

function flagCell({ flag, short }: OptionRow): string {
  if (flag === undefined) return "-";
  return short === undefined ? `\`--${flag}\`` : `\`--${flag}\`, \`-${short}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) {
  const stale = staleDocuments();
  if (process.argv.includes("--check")) {
    for (const path of stale) console.error(`${path} is stale: run \`make generate\` and commit the result`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    for (const path of stale) {
      mkdirSync(dirname(root + path), { recursive: true });
      writeFileSync(root + path, documents[path]?.() ?? "");
      console.log(`wrote ${path}`);
    }
  }
}
