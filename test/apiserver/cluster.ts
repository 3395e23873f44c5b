import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createTestCa } from "../helpers/tls.ts";
import { servers } from "./tools.ts";

/** A real API server before a real etcd, on loopback: RBAC, nobody anonymous, no controllers and no kubelet. */
export interface Cluster extends AsyncDisposable {
  readonly url: string;
  /** Path of a kubeconfig that may do everything. */
  readonly admin: string;
  /** Path of a new kubeconfig of who carries this token, working in a namespace. */
  kubeconfig(token: string, namespace: string): string;
  /** Status and text of a GET; without a token nobody in particular asks. */
  get(path: string, token?: string): Promise<{ readonly status: number; readonly text: string }>;
}

const readyWithinMs = 120_000;

/** Starts both servers; resolves when the API server says that it is ready. Throws with their output when it never is. */
export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "baton-apiserver-"));
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const ca = await createTestCa("kubernetes test CA");
  const certificate = ca.issue(["127.0.0.1", "localhost"]);
  const accounts = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const adminToken = randomBytes(16).toString("hex");
  const [clientPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const url = `https://127.0.0.1:${port}`;
  const etcd = start(servers.etcd, {
    "data-dir": join(folder, "etcd"),
    "listen-client-urls": `http://127.0.0.1:${clientPort}`,
    "advertise-client-urls": `http://127.0.0.1:${clientPort}`,
    "listen-peer-urls": `http://127.0.0.1:${peerPort}`,
    "initial-advertise-peer-urls": `http://127.0.0.1:${peerPort}`,
    "initial-cluster": `default=http://127.0.0.1:${peerPort}`,
    "unsafe-no-fsync": "true",
  });
  const apiserver = start(servers.kubeApiserver, {
    "etcd-servers": `http://127.0.0.1:${clientPort}`,
    "bind-address": "127.0.0.1",
    "advertise-address": "127.0.0.1",
    "secure-port": String(port),
    // No other address of the machine is to be published as the API's.
    "endpoint-reconciler-type": "none",
    "cert-dir": join(folder, "certificates"),
    "tls-cert-file": file("tls.crt", certificate.certPem),
    "tls-private-key-file": file("tls.key", certificate.keyPem),
    "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
    "service-account-key-file": file(
      "accounts.pub",
      accounts.publicKey.export({ type: "spki", format: "pem" }).toString(),
    ),
    "service-account-signing-key-file": file(
      "accounts.key",
      accounts.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    ),
    "token-auth-file": file("tokens.csv", `${adminToken},admin,admin,system:masters\n`),
    "authorization-mode": "RBAC",
    "anonymous-auth": "false",
    "enable-admission-plugins": "PodSecurity",
    "service-cluster-ip-range": "10.0.0.0/24",
  });
  let serial = 0;
  const kubeconfig = (token: string, namespace: string): string => {
    serial += 1;
    // JSON is YAML too.
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: url, "certificate-authority-data": base64(ca.caPem) } }],
      users: [{ name: "u", user: { token } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace } }],
      "current-context": "x",
    };
    return file(`${serial}.kubeconfig`, JSON.stringify(config));
  };
  const get: Cluster["get"] = (path, token) => ask(new URL(path, url), ca.caPem, token);
  const cluster: Cluster = {
    url,
    admin: kubeconfig(adminToken, "default"),
    kubeconfig,
    get,
    async [Symbol.asyncDispose]() {
      await apiserver.stop();
      await etcd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const giveUpAt = performance.now() + readyWithinMs;
  while ((await get("/readyz", adminToken).catch(() => undefined))?.status !== 200) {
    const ended = [etcd, apiserver].some(({ child }) => child.exitCode !== null);
    if (ended || performance.now() > giveUpAt) {
      await cluster[Symbol.asyncDispose]();
      throw new Error(`the API server did not become ready\n${etcd.output()}\n${apiserver.output()}`);
    }
    await delay(200);
  }
  return cluster;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

interface Running {
  readonly child: ChildProcess;
  /** The last lines that it printed. */
  output(): string;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

function start(command: string, flags: Readonly<Record<string, string>>): Running {
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env["PATH"] } });
  const printed: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed.push(text);
    if (printed.length > 500) printed.splice(0, 250);
  });
  const ended = once(child, "close");
  return {
    child,
    output: () => printed.join("").split("\n").slice(-40).join("\n"),
    async stop() {
      // There is nothing worth keeping, and a polite end of the API server takes its time.
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function ask(url: URL, ca: string, token: string | undefined): Promise<{ status: number; text: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const sent = request(url, { ca, headers, agent: false, timeout: 10_000 });
  sent.on("timeout", () => sent.destroy(new Error(`${url.pathname} was not answered within 10 s`)));
  sent.end();
  const [response] = await once(sent, "response");
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return { status: response.statusCode, text };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
