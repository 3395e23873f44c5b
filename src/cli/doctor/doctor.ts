import type { AppDeps } from "../../app/deps.ts";
import { createParts, type Parts } from "../../app/parts.ts";
import { oneLine } from "../../baton/one-line.ts";
import { StatusError } from "../../baton/status-error.ts";
import type { ParsedConfig } from "../../config/parse.ts";
import { ConfigError } from "../../config/problem.ts";
import type { Output } from "../output.ts";
import { reportError } from "../report.ts";
import { type Finding, failed, good, skipped, warning } from "./finding.ts";
import { checkMachine } from "./machine.ts";
import { checkPlace, type Place } from "./network.ts";
import { checkPeople } from "./people.ts";
import { checkC1, checkCursor, checkScim, type DoctorFlags } from "./services.ts";

export interface DoctorDeps {
  readonly out: Output;
  readonly stop: AbortSignal;
  readonly flags: DoctorFlags;
  readonly json: boolean;
  /** Reads the configuration; may throw a ConfigError, which is the first finding then. */
  readonly parse: () => ParsedConfig;
  readonly depsFor: (parsed: ParsedConfig) => AppDeps;
}

/**
 * Looks at everything that a connector needs, without changing anything: configuration, machine, network, clocks, credentials,
 * and what Cursor and the directory answer. Prints a checklist with what to do. Resolves with 0 when nothing failed, else 9.
 */
export async function doctorCommand(deps: DoctorDeps): Promise<number> {
  const { out, json, stop } = deps;
  try {
    const findings: Finding[] = [];
    for await (const found of examine(deps)) {
      // What fails from now on says nothing.
      stop.throwIfAborted();
      findings.push(found);
      if (!json) out.stdout(lineOf(found));
    }
    const failures = findings.filter(({ status }) => status === "failed").length;
    if (json) out.stdout(`${JSON.stringify({ ok: failures === 0, findings })}\n`);
    else out.stdout(failures === 0 ? "\nNothing is in the way.\n" : `\n${failures} thing(s) to put right.\n`);
    return failures === 0 ? 0 : 9;
  } catch (reason) {
    return reportError(stop.aborted ? new StatusError("cancelled", "interrupted") : reason, out);
  }
}

async function* examine({ depsFor, flags, parse, stop }: DoctorDeps): AsyncGenerator<Finding> {
  const parsed = readConfig(parse);
  if (parsed instanceof ConfigError) {
    for (const { field, fix, message } of parsed.problems) yield failed("configuration", `${field} ${message}`, fix);
    return;
  }
  yield good("configuration", parsed.service ? "right, for service mode" : "right, for one-shot mode");
  for (const text of parsed.warnings) yield warning("configuration", text, "");
  yield* await checkMachine(parsed.config);
  const deps = depsFor(parsed);
  await using parts = await createParts(deps, stop);
  const problem = parts.credentials.problem();
  if (problem !== undefined) yield failed("credentials", problem, "put it right in the Secret");
  for (const place of placesOf(deps, parts)) yield* await checkPlace(place, { ...deps, ...parts }, stop);
  yield* await checkC1(deps, parts, flags, stop);
  const { findings, team } = await checkCursor(parts, stop);
  yield* findings;
  const directory = await checkScim(deps, parts, stop);
  yield* directory;
  // It would fail in the same way once more.
  if (directory.some(({ status }) => status === "failed")) yield skipped("people", "the directory was not read");
  else yield* await checkPeople(parts, flags, team, stop);
}

function readConfig(parse: () => ParsedConfig): ParsedConfig | ConfigError {
  try {
    return parse();
  } catch (reason) {
    if (reason instanceof ConfigError) return reason;
    throw reason;
  }
}

function placesOf({ config }: AppDeps, { credentials }: Parts): readonly Place[] {
  const pair = credentials.c1.active();
  const scim = credentials.scim.active();
  return [
    ...(pair === undefined
      ? []
      : [{ name: "C1", url: new URL(`https://${config.c1ApiHost ?? pair.tokenHost}`), tellsTime: false }]),
    { name: "Cursor", url: new URL(config.cursorBaseUrl), tellsTime: true },
    ...(scim === undefined ? [] : [{ name: "SCIM", url: new URL(scim.endpoint), tellsTime: true }]),
  ];
}

const marks: Readonly<Record<Finding["status"], string>> = {
  ok: "ok      ",
  warning: "warning ",
  failed: "FAILED  ",
  skipped: "skipped ",
};

function lineOf({ detail, fix, name, status }: Finding): string {
  return `${marks[status]} ${oneLine(`${name}: ${detail}`)}\n${fix === "" ? "" : `          -> ${oneLine(fix)}\n`}`;
}
