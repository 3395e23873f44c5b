import { readFileSync } from "node:fs";
import { seedSecret } from "./canaries.ts";
import { type CaptureOptions, lookAtBodies, openCapture } from "./capture.ts";

/** Looks at everything that one run of the program gives out. */
export interface ProcessCapture {
  /** Looks at what its listeners answer, which are found in what it has written so far. */
  lookAtListeners(stderr: string): Promise<void>;
  /** Looks at all that it has written, log files included. Call it before they are removed. */
  lookAtOutput(output: { readonly stdout: string; readonly stderr: string }): void;
  /** Throws when anything was found. */
  end(): void;
}

const secretVariables = ["BATON_CLIENT_SECRET", "BATON_CURSOR_API_KEY", "BATON_CURSOR_SCIM_TOKEN"];
const secretFlags = secretVariables.map((name) => flagOf(name));

/** From now on the credentials in these variables are secrets. Client secrets begin alike. */
export function seedVariables(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of secretVariables) seedSecret(name, env[name] ?? "", { whole: true });
}

/** Prepares for a run with these arguments and variables. People may be shown where the run is told to show them. */
export function captureProcess(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  { shows }: CaptureOptions = {},
): ProcessCapture {
  seedVariables(env);
  for (const [name, value = ""] of flagsOf(args))
    if (secretFlags.includes(name)) seedSecret(name, value, { whole: true });
  const showsPeople = env["BATON_LOG_PII"] === "true" || args.some((arg) => /^--log-pii(=true)?$/.test(arg));
  const capture = openCapture({ shows: showsPeople ? "people" : shows });
  const logFiles = [
    env["BATON_LOG_PATH"],
    ...flagsOf(args).flatMap(([name, value]) => (name === "--log-path" ? value : [])),
  ];
  return {
    async lookAtListeners(stderr) {
      const urls = listenersIn(stderr);
      if (urls !== undefined) await lookAtBodies(capture, urls);
    },
    lookAtOutput({ stderr, stdout }) {
      capture.look("standard output", stdout);
      capture.look("standard error", stderr);
      for (const path of logFiles.flatMap((paths) => paths?.split(",") ?? [])) capture.look("log file", contents(path));
    },
    end: () => capture.end(),
  };
}

/** The addresses of a daemon's listeners that only look: `/health` asks Cursor. */
export function bodiesAt(healthUrl: string, statusUrl: string): string[] {
  return [
    ...["/live", "/ready", "/metrics"].map((path) => healthUrl + path),
    ...["/", "/status.json"].map((path) => statusUrl + path),
  ];
}

function listenersIn(stderr: string): string[] | undefined {
  const health = /"health_port":(\d+)/.exec(stderr)?.[1];
  const status = /"status_port":(\d+)/.exec(stderr)?.[1];
  if (health === undefined && status === undefined) return undefined;
  return bodiesAt(`http://127.0.0.1:${health}`, `http://127.0.0.1:${status}`);
}

function flagsOf(args: readonly string[]): (readonly [string, string | undefined])[] {
  return args.map((arg, at) => {
    const [name = "", ...value] = arg.split("=");
    return [name, value.length > 0 ? value.join("=") : args[at + 1]];
  });
}

function flagOf(variable: string): string {
  return variable.replace("BATON_", "--").toLowerCase().replaceAll("_", "-");
}

function contents(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
