/** Known weaknesses of our packages, as the registry tells them. Run by `make audit`; without the registry's answer it is skipped. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { type TestContext, test } from "node:test";

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
  ...options: readonly string[]
): Readonly<Record<string, Weakness>> | undefined {
  const { stdout } = spawnSync("npm", ["audit", "--json", ...options], { encoding: "utf8", timeout: 60_000 });
  const report: Report = JSON.parse(stdout || '{"message":"npm printed nothing"}');
  if (report.vulnerabilities === undefined) {
    context.skip(`the registry gives no advisories: ${report.message ?? "unknown reason"}`);
  }
  return report.vulnerabilities;
}

test("no package in the bundle has a known weakness", (context) => {
  assert.deepEqual(Object.keys(weaknesses(context, "--omit=dev") ?? {}), []);
});

test("no package that builds or tests it has a grave one", (context) => {
  const found = Object.entries(weaknesses(context) ?? {});
  const grave = found.filter(([, { severity }]) => severity === "high" || severity === "critical");
  assert.deepEqual(
    grave.map(([name]) => name),
    [],
  );
});
