/** Known weaknesses of our packages, as the registry tells them. Run by `make audit`; without the registry's answer it is skipped. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { type TestContext, test } from "node:test";
import { lockFiles } from "../helpers/lock-files.ts";

interface Weakness {
  readonly severity: string;
}

interface Report {
  readonly vulnerabilities?: Readonly<Record<string, Weakness>>;
  readonly message?: string;
}

/** By package (https://docs.npmjs.com/cli/commands/npm-audit); `undefined` after having skipped the test. */
function weaknesses(
  context: TestContext,
  folder: URL,
  ...options: readonly string[]
): Readonly<Record<string, Weakness>> | undefined {
  const args = ["audit", "--json", "--package-lock-only", ...options];
  const { stdout } = spawnSync("npm", args, { cwd: folder, encoding: "utf8", timeout: 60_000 });
  const report: Report = JSON.parse(stdout || '{"message":"npm printed nothing"}');
  if (report.vulnerabilities === undefined) {
    context.skip(`the registry gives no advisories: ${report.message ?? "unknown reason"}`);
  }
  return report.vulnerabilities;
}

test("no package in the bundle has a known weakness", (context) => {
  const root = new URL("../../", import.meta.url);
  assert.deepEqual(Object.keys(weaknesses(context, root, "--omit=dev") ?? {}), []);
});

for (const { folder, path } of lockFiles()) {
  test(`no package of ${path} has a grave one`, (context) => {
    const found = Object.entries(weaknesses(context, folder) ?? {});
    const grave = found.filter(([, { severity }]) => severity === "high" || severity === "critical");
    assert.deepEqual(
      grave.map(([name]) => name),
      [],
    );
  });
}
