/** Known weaknesses of what ships, as the registry tells them. Run by `make audit`; without the registry's answer it is skipped. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

test("no package in the bundle has a known weakness", (context) => {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], { encoding: "utf8", timeout: 60_000 });
  const report: { readonly vulnerabilities?: Readonly<Record<string, unknown>>; readonly message?: string } =
    JSON.parse(stdout || '{"message":"npm printed nothing"}');
  if (report.vulnerabilities === undefined) {
    context.skip(`the registry gives no advisories: ${report.message ?? "unknown reason"}`);
    return;
  }
  assert.deepEqual(Object.keys(report.vulnerabilities), []);
});
