import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { AppDeps, Build } from "./app/deps.ts";
import { createKnownSecrets } from "./app/known-secrets.ts";
import { systemClock } from "./baton/clock.ts";
import { StatusError } from "./baton/status-error.ts";
import { accountCommand } from "./cli/account.ts";
import { capabilitiesCommand } from "./cli/capabilities.ts";
import { checkConfigCommand } from "./cli/check-config.ts";
import { configCommand } from "./cli/config-schema.ts";
import { diffCommand } from "./cli/diff.ts";
import { dispatch, type Invocation } from "./cli/dispatch.ts";
import { doctorCommand } from "./cli/doctor/doctor.ts";
import { healthCheckCommand } from "./cli/health-check.ts";
import { helpCommand } from "./cli/help.ts";
import { inspectCommand } from "./cli/inspect.ts";
import { oneShotCommand } from "./cli/one-shot.ts";
import type { Output } from "./cli/output.ts";
import { printWarnings, reportCrash, reportError } from "./cli/report.ts";
import { serviceCommand } from "./cli/service.ts";
import { versionCommand } from "./cli/version.ts";
import { findCredentials } from "./config/credentials.ts";
import { localFiles } from "./config/files.ts";
import { type ParsedConfig, parseConfig } from "./config/parse.ts";
import type { ConfigInput } from "./config/sources.ts";
import { cursorMetadata } from "./connectors/cursor/metadata.ts";
import { createLogFile } from "./observability/log-file.ts";
import { createLogger, type LogSink } from "./observability/logger.ts";

// The bundle replaces these two by texts; from a checkout they are unset.
const build: Build = {
  version: process.env["BATON_BUILD_VERSION"] ?? "0.0.0-checkout",
  revision: process.env["BATON_BUILD_REVISION"] ?? "",
};

const out: Output = {
  stdout(text) {
    // `| head` has gone: what is left to print would be read and unpacked for nobody.
    if (process.stdout.errored !== null) throw new StatusError("cancelled", "nobody reads the output any more");
    process.stdout.write(text);
  },
  stderr: (text) => void process.stderr.write(text),
};

// The values are read once: the credentials among them must not be inherited by anything this process might start.
const env: Readonly<Record<string, string | undefined>> = { ...process.env };

const input: ConfigInput = {
  argv: process.argv.slice(2),
  env,
  files: localFiles,
  cwd: process.cwd(),
  hostname: hostname(),
  tempDir: tmpdir(),
};

/** Runs what the command line asks for and resolves with the exit code. */
async function run(invocation: Invocation): Promise<number> {
  switch (invocation.command) {
    case "help":
      return helpCommand({ out });
    case "version":
      return versionCommand({ out, version: build.version });
    case "capabilities":
      return capabilitiesCommand({ out, metadata: cursorMetadata({ accounts: invocation.accounts }) });
    case "config":
      return configCommand({ out, metadata: cursorMetadata({ accounts: true }) });
    case "health-check":
      return healthCheckCommand({ out, input: invocation.input });
    case "doctor":
      return doctorCommand({
        out,
        flags: invocation.flags,
        json: invocation.json,
        stop: stopSignal(),
        parse: () => parseConfig(invocation.input),
        depsFor: appDeps,
      });
    case "inspect":
      return inspectCommand({ out, input: invocation.input, stop: stopSignal() });
    case "diff":
      return diffCommand({ out, input: invocation.input, stop: stopSignal() });
    case "check-config":
      return checkConfigCommand({ out, parsed: invocation.parsed });
    case "service":
      return serviceCommand({ ...appDeps(invocation.parsed), out, stop: stopSignal() });
    case "account":
      return accountCommand({ ...appDeps(invocation.parsed), out, stop: stopSignal(), ask: terminalQuestion() });
    case "one-shot": {
      const terminal = process.stderr.isTTY === true;
      return oneShotCommand({ ...appDeps(invocation.parsed), out, stop: stopSignal(), cwd: process.cwd(), terminal });
    }
  }
}

function appDeps({ config, service, warnings }: ParsedConfig): AppDeps {
  const secrets = createKnownSecrets();
  // The log, the health answers and the status page call the same person by the same digest.
  const personKey = randomBytes(32);
  const logger = { clock: systemClock, showPeople: config.logPii, secrets: () => secrets.all(), personKey };
  const format = config.logFormat ?? (process.stderr.isTTY === true ? "console" : "json");
  const level = !service && process.stderr.isTTY === true ? quieter(config.logLevel) : config.logLevel;
  const log = createLogger({ ...logger, level, format, sinks: logSinks(config.logPath) });
  if (!service) printWarnings(warnings, out);
  else for (const warning of warnings) log.warn(warning);
  return {
    config,
    findCredentials: (files) => findCredentials(input, files),
    onSecrets: (texts) => secrets.remember(texts),
    build,
    clock: systemClock,
    random: Math.random,
    log,
    logger,
    proxy: {
      // As curl and Go do, one that is set but empty counts as not set.
      httpProxy: env["HTTP_PROXY"] || env["http_proxy"],
      httpsProxy: env["HTTPS_PROXY"] || env["https_proxy"],
      noProxy: env["NO_PROXY"] || env["no_proxy"],
    },
    extraCertificates: privateAuthorities(),
  };
}

/** On a terminal, a one-shot run shows its progress instead of its log. */
function quieter<Level>(level: Level | "info"): Level | "info" | "warn" {
  return level === "info" ? "warn" : level;
}

/** Asks on standard error, so that standard output carries the result only. */
function terminalQuestion(): ((question: string, signal: AbortSignal) => Promise<string>) | undefined {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined;
  return async (question, signal) => {
    using prompt = createInterface({ input: process.stdin, output: process.stderr });
    // The end of the input is an answer too: none.
    const ended = once(prompt, "close").then(() => "");
    return await Promise.race([prompt.question(question, { signal }), ended]);
  };
}

function logSinks(paths: readonly string[]): LogSink[] {
  if (paths.length === 0) return [{ write: out.stderr }];
  return paths.map((path) => (path === "stderr" ? { write: out.stderr } : createLogFile(path, out.stderr)));
}

/** What SSL_CERT_FILE and SSL_CERT_DIR name; Node itself reads NODE_EXTRA_CA_CERTS only. */
function privateAuthorities(): string[] {
  const file = env["SSL_CERT_FILE"] ?? "";
  const directory = env["SSL_CERT_DIR"] ?? "";
  try {
    const names = directory === "" ? [] : readdirSync(directory).filter((name) => /\.(pem|crt|cer)$/.test(name));
    const files = [...(file === "" ? [] : [file]), ...names.map((name) => join(directory, name))];
    return files.map((path) => readFileSync(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new StatusError(
      "failed_precondition",
      `a certificate authority cannot be read (${why}): check SSL_CERT_FILE and SSL_CERT_DIR`,
      { cause },
    );
  }
}

/** Aborts at the first SIGTERM or SIGINT; the second one ends the process on the spot. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort(new StatusError("unavailable", "connector shutting down", { retryable: true }));
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return stop.signal;
}

// The next write tells.
process.stdout.on("error", () => undefined);
// Whoever reads the log may end or run out of space; the work must not end with it.
process.stderr.on("error", () => undefined);
process.on("uncaughtException", (error) => process.exit(reportCrash(error, out)));
try {
  process.exitCode = await run(dispatch(input));
} catch (reason) {
  process.exitCode = reportError(reason, out);
}
// Signal handlers and idle keep-alive sockets must not hold a process that is done.
process.removeAllListeners("SIGTERM");
process.removeAllListeners("SIGINT");
