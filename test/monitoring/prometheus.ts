import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** One series of an answer with its newest value. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [atSeconds: number, value: string];
}

/** A rule as Prometheus sees it. */
export interface RuleState {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  /** Of alerts only. */
  readonly state?: "inactive" | "pending" | "firing";
}

/** A real Prometheus. Disposing kills it and removes its data. */
export interface Prometheus extends AsyncDisposable {
  /** Answers of an instant query. Throws what Prometheus says of a query that it does not understand. */
  query(expr: string): Promise<readonly Sample[]>;
  /** The rules of all groups, once each was evaluated. */
  rules(): Promise<readonly RuleState[]>;
}

export interface PrometheusOptions {
  /** `host:port` of what is scraped each second, by instance. */
  readonly targets: readonly string[];
  /** Labels of every series. */
  readonly labels: Readonly<Record<string, string>>;
  readonly ruleFile: string;
}

/** Starts Debian's Prometheus on loopback; resolves when it is ready. */
export async function startPrometheus({ targets, labels, ruleFile }: PrometheusOptions): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), "baton-prometheus-"));
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [ruleFile],
    scrape_configs: [{ job_name: "connectors", static_configs: [{ targets, labels }] }],
  };
  const configFile = join(folder, "prometheus.yml");
  await writeFile(configFile, JSON.stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    "prometheus",
    [`--config.file=${configFile}`, `--storage.tsdb.path=${join(folder, "data")}`, `--web.listen-address=${address}`],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const chunks: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  const ended = once(child, "close");
  const server: Prometheus = {
    query: async (expr) => {
      const { result } = await ask<{ readonly result: readonly Sample[] }>(
        address,
        `query?${new URLSearchParams({ query: expr })}`,
      );
      return result;
    },
    async rules() {
      const { groups } = await ask<{ readonly groups: readonly { readonly rules: readonly RuleState[] }[] }>(
        address,
        "rules",
      );
      return groups.flatMap(({ rules }) => rules);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
  for (let wait = 0; wait < 300; wait += 1) {
    const response = await fetch(`http://${address}/-/ready`).catch(() => undefined);
    if (response?.ok) return server;
    if (child.exitCode !== null) break;
    await delay(100);
  }
  await server[Symbol.asyncDispose]();
  throw new Error(`prometheus did not start:\n${chunks.join("")}`);
}

async function ask<T>(address: string, path: string): Promise<T> {
  const response = await fetch(`http://${address}/api/v1/${path}`);
  const { status, data, error } = (await response.json()) as {
    readonly status: string;
    readonly data: T;
    readonly error?: string;
  };
  if (status !== "success") throw new Error(`${path}: ${error}`);
  return data;
}

/** A port that was free a moment ago: Prometheus does not tell which one it took. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
