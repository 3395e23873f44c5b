import { request } from "node:http";
import { options } from "../config/options.ts";
import { resolveOption, wordProblems } from "../config/parse.ts";
import { ConfigError, type Problem } from "../config/problem.ts";
import { type ConfigInput, readSources } from "../config/sources.ts";
import { choice, integer, type ValueType } from "../config/value-type.ts";
import { healthCheckFlags } from "./commands.ts";
import type { Output } from "./output.ts";
import { reportError } from "./report.ts";

/** Which endpoint of which listener to ask. */
interface Target {
  readonly host: string;
  readonly port: number;
  readonly endpoint: "health" | "ready" | "live";
  readonly timeoutMs: number;
}

/**
 * Asks a running daemon for one of its health endpoints, silently: 0 when it answers 200 in time, otherwise 1. Reads the
 * port and the address like the daemon does and nothing else, so that it works beside a configuration it cannot read.
 */
export async function healthCheckCommand({ out, input }: { out: Output; input: ConfigInput }): Promise<number> {
  try {
    return (await statusOf(readTarget(input))) === 200 ? 0 : 1;
  } catch (error) {
    if (error instanceof ConfigError) reportError(error, out);
    // Container runtimes reserve every other code.
    return 1;
  }
}

function readTarget(input: ConfigInput): Target {
  const sources = readSources(input, healthCheckFlags);
  const problems: Problem[] = [...sources.flags.problems, ...wordProblems(sources.flags.words.slice(1))];
  const flag = <T>(name: string, type: ValueType<T>, byDefault: T): T => {
    const texts = sources.flags.texts.get(name);
    const parsed = texts === undefined ? { ok: true as const, value: byDefault } : type.parse(texts);
    if (parsed.ok) return parsed.value;
    problems.push({ field: `--${name}`, message: parsed.message, fix: parsed.fix });
    return byDefault;
  };
  const endpoint = flag<Target["endpoint"]>("endpoint", choice(["health", "ready", "live"]), "health");
  const timeoutSeconds = flag("timeout", integer(1, 300), 5);
  const port = resolveOption(options.healthCheckPort, sources);
  const address = resolveOption(options.healthCheckBindAddress, sources);
  if ("problem" in port) problems.push(port.problem);
  if ("problem" in address) problems.push(address.problem);
  if (problems.length > 0 || "problem" in port || "problem" in address) throw new ConfigError(problems);
  return { host: reachable(address.value), port: port.value, endpoint, timeoutMs: timeoutSeconds * 1000 };
}

/** A listener on all addresses is asked on the loopback one. */
function reachable(address: string): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  return address === "::" ? "::1" : address;
}

function statusOf({ host, port, endpoint, timeoutMs }: Target): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  // A deadline on the whole exchange; no agent, so neither a proxy nor a kept connection comes between.
  const signal = AbortSignal.timeout(timeoutMs);
  const call = request({ host, port, path: `/${endpoint}`, agent: false, signal }, (response) => {
    response.resume();
    response.on("end", () => resolve(response.statusCode));
    response.on("error", reject);
  });
  call.on("error", reject);
  call.end();
  return promise;
}
