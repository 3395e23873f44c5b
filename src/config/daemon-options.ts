import { isIP } from "node:net";
import { clientIdHint, isHostAndPort, parseClientId, parseClientSecret } from "./c1-credentials.ts";
import { machineOption, option, optional } from "./option.ts";
import { bool, choice, duration, integer, list, parsedBy, path, secret, text, type ValueType } from "./value-type.ts";

const hostAndPort = text("host[:port]", (value) =>
  isHostAndPort(value) ? undefined : ["is not a host name", "give host or host:port, without https:// and path"],
);

const hostId = text("1..256 characters", (value) =>
  value.length <= 256 ? undefined : [`has ${value.length} characters`, "give at most 256 characters"],
);

const address = text("IP address", (value) =>
  isIP(value) !== 0 || value === "localhost"
    ? undefined
    : ["is not an IP address", "give an address to listen on, such as 127.0.0.1, 0.0.0.0 or ::"],
);

/** Standard output carries results only, so whoever asks for logs there gets them on standard error. */
const logPaths: ValueType<readonly string[]> = {
  ...list(),
  parse(texts) {
    const parsed = list().parse(texts);
    if (!parsed.ok) return parsed;
    return { ok: true, value: [...new Set(parsed.value.map((path) => (path === "stdout" ? "stderr" : path)))] };
  },
};

/** How the process runs, whatever it connects to. */
export const daemonOptions = {
  clientId: optional({
    flag: "client-id",
    group: "Connection to C1",
    help: `Client id that C1 issued; ${clientIdHint}. Turns service mode on`,
    type: parsedBy(parseClientId, (id) => `[redacted], of ${id.tokenHost}`),
    secret: true,
  }),
  clientSecret: optional({
    flag: "client-secret",
    group: "Connection to C1",
    help: "Client secret that C1 issued with the client id; required in service mode",
    type: secret(parseClientSecret),
    secret: true,
  }),
  c1ApiHost: optional({
    env: "BATON_C1_API_HOST",
    group: "Connection to C1",
    help: "Host of C1, for tokens and tasks alike, instead of the one inside the client id",
    type: hostAndPort,
  }),
  hostId: machineOption({
    env: "BATON_HOST_ID",
    group: "Connection to C1",
    help: "Name of this instance towards C1; different for each instance",
    type: hostId,
    byDefault: ({ podName, hostname }) => (podName || hostname || "baton-sdk").slice(0, 256),
    defaultText: "POD_NAME, else the host name",
  }),
  getTasks: option({
    env: "BATON_GET_TASKS",
    group: "Connection to C1",
    help: "Ask C1 for several tasks at a time",
    type: bool,
    byDefault: false,
  }),
  taskConcurrency: option({
    flag: "task-concurrency",
    group: "Connection to C1",
    help: "How many tasks run at once",
    type: integer(1, 100),
    byDefault: 3,
  }),
  httpTimeoutSeconds: option({
    flag: "http-timeout-seconds",
    group: "Connection to C1",
    help: "Longest time in seconds that one HTTP request may take",
    type: integer(1, 1800),
    byDefault: 300,
    exported: "ops",
    displayName: "HTTP timeout in seconds",
  }),
  logLevel: option({
    flag: "log-level",
    group: "Logging",
    help: "Least important level that is logged",
    type: choice(["debug", "info", "warn", "error"], {
      warning: "warn",
      dpanic: "error",
      panic: "error",
      fatal: "error",
    }),
    byDefault: "info",
    exported: "ops",
    displayName: "Log level",
  }),
  logFormat: optional({
    flag: "log-format",
    group: "Logging",
    help: "Lines for machines or for people",
    type: choice(["json", "console"]),
    defaultText: "console on a terminal, else json",
  }),
  logPath: option({
    flag: "log-path",
    group: "Logging",
    help: "Files that log lines are appended to, instead of standard error (`stderr` or `stdout` name that)",
    type: logPaths,
    byDefault: [],
  }),
  logPii: option({
    flag: "log-pii",
    group: "Logging",
    help: "Show e-mail addresses in logs instead of digests",
    type: bool,
    byDefault: false,
  }),
  healthCheck: option({
    flag: "health-check",
    group: "Health and metrics",
    help: "Serve /live, /ready, /health and /metrics in service mode",
    type: bool,
    byDefault: true,
    exported: "ops",
    displayName: "Health check",
  }),
  healthCheckPort: option({
    flag: "health-check-port",
    group: "Health and metrics",
    help: "Port of the health listener; 0 takes a free one",
    type: integer(0, 65_535),
    byDefault: 8081,
    exported: "ops",
    displayName: "Health check port",
  }),
  healthCheckBindAddress: option({
    flag: "health-check-bind-address",
    group: "Health and metrics",
    help: "Address that the health and metrics listeners bind to",
    type: address,
    byDefault: "127.0.0.1",
    exported: "ops",
    displayName: "Health check bind address",
  }),
  metricsPort: optional({
    flag: "metrics-port",
    group: "Health and metrics",
    help: "Port of a listener of its own for /metrics; 0 takes a free one",
    type: integer(0, 65_535),
    defaultText: "the health listener",
  }),
  status: option({
    flag: "status",
    group: "Health and metrics",
    help: "Serve a status page for people in service mode",
    type: bool,
    byDefault: true,
  }),
  statusPort: option({
    flag: "status-port",
    group: "Health and metrics",
    help: "Port of the status page; 0 takes a free one",
    type: integer(0, 65_535),
    byDefault: 8082,
  }),
  statusBindAddress: option({
    flag: "status-bind-address",
    group: "Health and metrics",
    help: "Address that the status page binds to; whoever reaches another one than this machine's own can read it",
    type: address,
    byDefault: "127.0.0.1",
  }),
  c1zTempDir: machineOption({
    flag: "c1z-temp-dir",
    group: "Process",
    help: "Existing, writable directory for scratch files",
    type: path,
    byDefault: ({ tempDir }) => tempDir,
    defaultText: "BATON_TMPDIR, else the system's",
  }),
  shutdownGraceMs: option({
    flag: "shutdown-grace",
    group: "Process",
    help: "How long an upload may still take after SIGTERM",
    type: duration(0, 3_600_000),
    byDefault: 20_000,
  }),
};
