import { spawnSync } from "node:child_process";

/** The checkout, with a slash at its end. */
export const root = new URL("../../", import.meta.url).pathname;

const bin = `${root}build/deploy-tools/`;

/** Where `make deploy-tools` has put each tool. */
export const tools = {
  helm3: `${bin}helm-3/helm/helm`,
  helm4: `${bin}helm-4/helm/helm`,
  kubectl: `${bin}helm-4/kubectl/kubectl`,
  oldKubectl: `${bin}helm-3/kubectl/kubectl`,
  validate: `${bin}python/bin/kubernetes-validate`,
  hadolint: `${bin}python/bin/hadolint`,
  /** Types of the operators' objects. */
  nodeModules: `${bin}node_modules`,
} as const;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, without any network proxy or cluster configuration of the machine. */
export function run(command: string, args: readonly string[], cwd = root): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], KUBECONFIG: "/dev/null" },
  });
  if (error) throw error;
  return { code: status, stdout, stderr };
}

/** Runs a program that must succeed and gives what it printed. */
export function output(command: string, args: readonly string[], cwd = root): string {
  const { code, stdout, stderr } = run(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}
