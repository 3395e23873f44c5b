import { dirname, resolve } from "node:path";
import { kubernetesAdvice, kubernetesProblems } from "./kubernetes-constraints.ts";
import { fieldName, type OptionRow } from "./option.ts";
import { type Config, options, optionTable } from "./options.ts";
import type { Problem } from "./problem.ts";
import type { ConfigInput, Sources } from "./sources.ts";
import { parseBool } from "./text.ts";

export interface Findings {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** What no option can say of itself: which belong together, which have no effect here, and what must exist on disk. */
export function checkTogether(
  values: Partial<Config>,
  sources: Sources,
  input: ConfigInput,
  { service, waits }: { readonly service: boolean; readonly waits: boolean },
): Findings {
  const problems = [
    ...(waits ? [] : credentialPairs(sources)),
    ...(service && !waits ? nothingToWaitFor(sources) : []),
    ...requiredTogether(sources, service),
    ...(waits ? [] : removalNeedsDirectory(sources)),
    ...oneAction(sources, service),
    ...refusals(sources, service),
    ...ports(values),
    ...(service ? kubernetesProblems(values) : []),
    ...directories(values, service, input),
  ];
  return {
    problems,
    warnings: [
      ...withoutEffect(sources, service),
      ...advice(values),
      ...(service ? [...listenerAdvice(values), ...kubernetesAdvice(values)] : []),
    ],
  };
}

/** Set to something other than nothing and, for a switch, other than off. */
export function isGiven(row: OptionRow, sources: Sources): boolean {
  const texts = sources.find(row)?.texts ?? [];
  const last = texts.at(-1)?.trim() ?? "";
  return row.type.kind === "bool" ? last !== "" && parseBool(last) !== false : texts.some((text) => text.trim() !== "");
}

/** A client id makes a service, and so does the wish to wait for one. */
export function isService(sources: Sources): boolean {
  return isGiven(options.clientId, sources) || isGiven(options.service, sources);
}

function pair(sources: Sources, a: OptionRow, b: OptionRow, aMissing: string, bMissing: string): Problem[] {
  const [hasA, hasB] = [isGiven(a, sources), isGiven(b, sources)];
  if (hasA === hasB) return [];
  const [missing, message] = hasA ? [b, bMissing] : [a, aMissing];
  const present = hasA ? a : b;
  const fix = `set it as well, or unset ${fieldName(present)}`;
  return [{ field: fieldName(missing), message, fix }];
}

function credentialPairs(sources: Sources): readonly Problem[] {
  const scim = "is required together with";
  return [
    ...pair(
      sources,
      options.clientId,
      options.clientSecret,
      "is missing although there is a client secret",
      "is missing (client-secret is required in service mode)",
    ),
    ...pair(
      sources,
      options.cursorScimEndpoint,
      options.cursorScimToken,
      `${scim} the SCIM token`,
      `${scim} the SCIM endpoint`,
    ),
  ];
}

/** Only files can bring a client id later. */
function nothingToWaitFor(sources: Sources): readonly Problem[] {
  if (isGiven(options.clientId, sources) || isGiven(options.clientSecret, sources)) return [];
  const message = "is missing, and nothing can bring it later";
  const fix = `set it, or ${fieldName(options.secretsDir)}, or unset ${fieldName(options.service)}`;
  return [{ field: fieldName(options.clientId), message, fix }];
}

function requiredTogether(sources: Sources, service: boolean): readonly Problem[] {
  return service
    ? []
    : pair(
        sources,
        options.deleteResource,
        options.deleteResourceType,
        "is required together with the resource type",
        "is required together with the resource id; accounts are of type user",
      );
}

/** Who is unmanaged can be said only by looking into the directory. */
function removalNeedsDirectory(sources: Sources): readonly Problem[] {
  if (!isGiven(options.cursorRemoveUnmanaged, sources) || isGiven(options.cursorScimEndpoint, sources)) return [];
  return [
    {
      field: fieldName(options.cursorRemoveUnmanaged),
      message: "needs the SCIM directory, without which everybody would look unmanaged",
      fix: `set ${fieldName(options.cursorScimEndpoint)} and its token, or unset it`,
    },
  ];
}

/** A one-shot run creates or deletes, not both, and never syncs because the value of such a flag got lost. */
function oneAction(sources: Sources, service: boolean): readonly Problem[] {
  if (service) return [];
  const creating = [options.createAccountEmail, options.createAccountLogin, options.createAccountProfile];
  const actions = [...creating, options.deleteResource];
  const problems: Problem[] = actions
    .filter((row) => sources.find(row)?.origin === "flag" && !isGiven(row, sources))
    .map((row) => ({ field: fieldName(row), message: "is empty", fix: "give it a value, or leave the flag out" }));
  const first = creating.find((row) => isGiven(row, sources));
  if (first !== undefined && isGiven(options.deleteResource, sources)) {
    const message = `cannot be combined with ${fieldName(first)}`;
    problems.push({ field: fieldName(options.deleteResource), message, fix: "run the program once for each" });
  }
  if (problems.length > 0 || actions.some((row) => isGiven(row, sources))) return problems;
  return [options.dryRun, options.yes]
    .filter((row) => isGiven(row, sources))
    .map((row) => ({
      field: fieldName(row),
      message: "belongs to an account that is created or deleted, and there is none",
      fix: `add ${fieldName(options.createAccountEmail)} or ${fieldName(options.deleteResource)}, or leave it out`,
    }));
}

function refusals(sources: Sources, service: boolean): readonly Problem[] {
  return optionTable
    .filter((row) => row.standing === "refused" && !(service && row.oneShot) && isGiven(row, sources))
    .map((row) => ({ field: fieldName(row), message: "is not supported", fix: row.reason, refused: true }));
}

function ports({ healthCheck, healthCheckPort, metricsPort }: Partial<Config>): readonly Problem[] {
  if (metricsPort === undefined || metricsPort === 0 || metricsPort !== healthCheckPort || healthCheck === false)
    return [];
  const message = `is ${metricsPort}, the port of the health listener`;
  return [
    { field: fieldName(options.metricsPort), message, fix: "choose another, or unset it: /metrics is there too" },
  ];
}

function directories(values: Partial<Config>, service: boolean, { files, cwd }: ConfigInput): readonly Problem[] {
  const problems: Problem[] = [];
  const tempDir = resolve(cwd, values.c1zTempDir ?? "");
  const temp = values.c1zTempDir === undefined ? undefined : files.directoryProblem(tempDir, "write");
  if (temp !== undefined) {
    const message = `is ${tempDir}, which ${temp}`;
    const fix = "name an existing, writable directory, e.g. an emptyDir, here or in BATON_TMPDIR";
    problems.push({ field: fieldName(options.c1zTempDir), message, fix });
  }
  const logFiles = (values.logPath ?? []).filter((path) => !isStream(path));
  const places: [OptionRow, string][] = logFiles.map((path) => [options.logPath, path]);
  if (!service && values.file !== undefined) places.push([options.file, values.file]);
  for (const path of logFiles.filter((each) => files.directoryProblem(resolve(cwd, each), "read") === undefined)) {
    const message = `is ${resolve(cwd, path)}, which is a directory`;
    problems.push({ field: fieldName(options.logPath), message, fix: "name a file in it" });
  }
  for (const [row, path] of places) {
    const directory = dirname(resolve(cwd, path));
    const problem = files.directoryProblem(directory, "write");
    if (problem === undefined) continue;
    problems.push({
      field: fieldName(row),
      message: `is in ${directory}, which ${problem}`,
      fix: "name a file in a writable directory",
    });
  }
  return problems;
}

function isStream(path: string): boolean {
  return path === "stderr" || path.startsWith("/dev/");
}

/** Options that were given and do nothing: each once with its reason; one-shot options in service mode all in one line. */
function withoutEffect(sources: Sources, service: boolean): readonly string[] {
  const given = optionTable.filter((row) => isGiven(row, sources));
  const idle = given.filter((row) => row.standing === "ignored");
  const oneShot = given.filter((row) => service && row.oneShot);
  const warnings = idle.map((row) => `${fieldName(row)} has no effect: ${row.reason}`);
  if (oneShot.length === 0) return warnings;
  return [...warnings, `in service mode these have no effect: ${oneShot.map(fieldName).join(", ")}`];
}

function advice(values: Partial<Config>): readonly string[] {
  const warnings: string[] = [];
  if (values.storageEngine === "pebble") {
    warnings.push(`${fieldName(options.storageEngine)} is pebble, but files are always of the SQLite kind (format v1)`);
  }
  if (values.provisioning === true && values.cursorScimEndpoint === undefined) {
    warnings.push(
      "provisioning is on, but there is no SCIM endpoint: requests to create or delete accounts are refused",
    );
  }
  if (values.cursorRemoveUnmanaged === true) {
    warnings.push(
      `${fieldName(options.cursorRemoveUnmanaged)} is on: members whom the SCIM directory does not know are removed for good when C1 asks for it`,
    );
  }
  return warnings;
}

function listenerAdvice({ healthCheck, metricsPort }: Partial<Config>): readonly string[] {
  if (healthCheck !== false || metricsPort === undefined) return [];
  return [
    `${fieldName(options.metricsPort)} has no effect: ${fieldName(options.healthCheck)} is off, and nobody serves /metrics`,
  ];
}
