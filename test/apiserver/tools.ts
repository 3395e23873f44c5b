import { spawnSync } from "node:child_process";

const here = new URL("./", import.meta.url).pathname;
const bin = `${here}bin/`;
const toolchain = process.env["GO"] ?? "go";
const versionVariable = "k8s.io/component-base/version.gitVersion";

/** The servers, built from the versions that go.mod pins. */
export const servers = { etcd: `${bin}etcd`, kubeApiserver: `${bin}kube-apiserver` } as const;

/** What `go version` says, or undefined where there is no Go. */
export function goVersion(): string | undefined {
  const { status, stdout } = spawnSync(toolchain, ["version"], { cwd: here, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** The Kubernetes that go.mod pins, e.g. `v1.34.2`. */
export function kubernetesVersion(): string {
  return go("list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").trim();
}

/** Builds both servers; what is there and current already is left alone. */
export function buildServers(): void {
  console.log("building etcd and kube-apiserver; the first time takes many minutes");
  go("build", "-buildvcs=false", "-o", servers.etcd, "./cmd/etcd");
  // A release carries its version; without this the server would call itself v0.0.0.
  const stamp = `-X ${versionVariable}=${kubernetesVersion()}`;
  const kubeApiserver = "k8s.io/kubernetes/cmd/kube-apiserver";
  go("build", "-buildvcs=false", "-ldflags", stamp, "-o", servers.kubeApiserver, kubeApiserver);
}

function go(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(toolchain, args, { cwd: here, encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`go ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}
