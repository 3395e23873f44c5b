/** The program takes the environment that the chart gives it: names, values and files. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { environmentOnly, optionTable } from "../../../src/config/options.ts";
import { captureProcess } from "../../helpers/capture-process.ts";
import { at, type Manifest, parseObjects, record, records } from "../objects.ts";
import { containerOf, kubeletEnv } from "../pod.ts";
import { everyCase, podSpec } from "../rendered.ts";
import { root } from "../tools.ts";

const key = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
const secrets: Readonly<Record<string, string>> = {
  BATON_CLIENT_ID: "bold-otter-12345@acme.conductor.one/ccc",
  BATON_CLIENT_SECRET: `secret-token:conductorone.com:v1:${Buffer.from(JSON.stringify(key)).toString("base64url")}`,
  BATON_CURSOR_API_KEY: `key_${"0123456789abcdef".repeat(4)}`,
  BATON_CURSOR_SCIM_ENDPOINT: "https://scim.example.com/v2",
  BATON_CURSOR_SCIM_TOKEN: "scim-token-0123456789abcdef",
};

/** What `--check-config` says with these variables; fails when it shows a credential. */
function checkConfig(cwd: string, env: Readonly<Record<string, string | undefined>>) {
  const capture = captureProcess([], { ...secrets, ...env });
  const ended = spawnSync(`${root}dist/baton-cursor`, ["--check-config"], {
    encoding: "utf8",
    cwd,
    env: { PATH: process.env["PATH"], ...env },
  });
  capture.lookAtOutput(ended);
  capture.end();
  return ended;
}

/** The names that the chart may set: options, what the process reads beside them, and the contract of the Lease. */
const known = new Set([
  ...optionTable.map(({ env }) => env),
  ...environmentOnly.flatMap(({ env }) => env.split(", ")),
  ...["BATON_LEADER_ELECTION", "BATON_LEASE_NAME", "POD_NAME", "POD_NAMESPACE", "NODE_OPTIONS"],
]);

/** Paths of the credentials volume, as the rendered sources give them. */
function mounted(objects: readonly Manifest[]): string[] {
  const volume = records(podSpec(objects)["volumes"]).find((candidate) => candidate["name"] === "credentials");
  return records(at(volume, "projected", "sources")).flatMap((source) =>
    records(at(source, "secret", "items")).map((item) => String(item["path"])),
  );
}

/** The container's environment, with every Secret's key filled in and directories of this machine. */
function environment(objects: readonly Manifest[], folder: string): Record<string, string> {
  const container = containerOf(objects, "Deployment");
  const entries = records(at(container, "env")).map(({ name, value, valueFrom }) => {
    if (at(valueFrom, "secretKeyRef") !== undefined) return { name, value: secrets[String(name)] };
    return at(valueFrom, "configMapKeyRef") === undefined ? { name, value, valueFrom } : { name, value: "30" };
  });
  const env = kubeletEnv({ env: entries }, (path) => path.replace("metadata.", "pod-"));
  const there = new Set(Object.keys(env));
  return {
    ...env,
    BATON_C1Z_TEMP_DIR: folder,
    ...(there.has("BATON_SECRETS_DIR") && { BATON_SECRETS_DIR: folder }),
    ...(there.has("NODE_EXTRA_CA_CERTS") && { NODE_EXTRA_CA_CERTS: "/dev/null" }),
  };
}

for (const { name, objects } of everyCase) {
  suite(`the program, configured by ${name}`, () => {
    test("knows every variable", () => {
      const names = records(at(containerOf(objects, "Deployment"), "env")).map((entry) => String(entry["name"]));
      assert.deepEqual(
        names.filter((variable) => !known.has(variable)),
        [],
      );
    });

    test("accepts every value, and would work for C1", () => {
      const folder = mkdtempSync(join(tmpdir(), "baton-program-"));
      try {
        for (const path of mounted(objects)) writeFileSync(join(folder, path), secrets[path] ?? assert.fail(path));
        const { status, stdout, stderr } = checkConfig(folder, environment(objects, folder));
        assert.equal(status, 0, stderr);
        assert.match(stdout, /Mode service/);
        const limits = record(at(containerOf(objects, "Deployment"), "resources", "limits"));
        assert.ok(limits["memory"], "a memory limit, of which the heap takes its share");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
}

suite("the program, configured as the published guide does it", () => {
  test("takes one Secret by variables, provisioning included", () => {
    const text = readFileSync(`${root}k8s/examples/published-guide.yaml`, "utf8");
    const secret = parseObjects(text).find(({ kind }) => kind === "Secret");
    const given = Object.entries(record(secret?.["stringData"])).map(([name, value]) => [name, secrets[name] ?? value]);
    const env = { ...Object.fromEntries(given), BATON_HOST_ID: "baton-cursor" };
    const { status, stdout, stderr } = checkConfig(tmpdir(), env);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /Mode service/);
    assert.match(stdout, /^provisioning: true +# environment$/m);
  });
});
