import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { suite, test } from "node:test";
import { casePath, cases, chart, type HelmName, helmNames, helms, renderCase, template } from "../helm.ts";
import { printObjects } from "../objects.ts";
import { run } from "../tools.ts";

const golden = (name: string) => new URL(`../golden/${name}.yaml`, import.meta.url).pathname;
const update = process.env["UPDATE_GOLDEN"] === "1";

suite("rendering", () => {
  for (const name of cases) {
    for (const helm of helmNames) {
      test(`${name} with ${helm} is golden/${name}.yaml (make deploy-golden writes it)`, () => {
        const text = printObjects(renderCase(name, helm));
        if (update) writeFileSync(golden(name), text);
        assert.equal(text, readFileSync(golden(name), "utf8"));
      });

      test(`${name} passes helm lint --strict with ${helm}`, () => {
        const { code, stdout, stderr } = run(helms[helm], ["lint", "--strict", "--values", casePath(name), chart]);
        assert.equal(code, 0, stdout + stderr);
        assert.doesNotMatch(stdout + stderr, /\[(WARNING|ERROR)\]/);
      });
    }
  }

  test("there is a golden file for each case and for nothing else", () => {
    const files = globSync("*.yaml", { cwd: golden(".").replace(/\.\.yaml$/, "") });
    assert.deepEqual(files.map((file) => file.replace(/\.yaml$/, "")).sort(), cases);
  });

  test("is the same twice, and needs neither cluster nor clock nor chance", () => {
    assert.deepEqual(renderCase("trial"), renderCase("trial"));
    const sources = globSync("templates/**/*", { cwd: chart, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => readFileSync(`${file.parentPath}/${file.name}`, "utf8"));
    assert.ok(sources.length > 10);
    const forbidden = /\b(lookup|rand\w+|uuidv4|now|gen(CA|SelfSigned|Signed|PrivateKey)\w*|htpasswd|getHostByName)\b/;
    for (const source of sources) {
      const actions = source.match(/\{\{(?!-?\s*\/\*)[\s\S]*?\}\}/g) ?? [];
      for (const action of actions) assert.doesNotMatch(action.replace(/"(\\.|[^"\\])*"/g, '""'), forbidden);
    }
  });

  test("puts every object into the release's namespace", () => {
    for (const object of renderCase("everything")) assert.equal(object.metadata.namespace, "c1", object.metadata.name);
  });
});

suite("what cannot be rendered is explained", () => {
  const image = { repository: "registry.example.com/baton-cursor" };
  const credentials = { existingSecret: "s" };
  const create = { enabled: true, clientId: "c" };
  const rows: readonly (readonly [string, Parameters<typeof template>[0]["values"], RegExp])[] = [
    ["no image", {}, /image\.repository is empty[\s\S]*make image-push IMAGE=/],
    ["no credentials", { image }, /in exactly one way[\s\S]*Given: none/],
    [
      "two ways of credentials",
      { image, credentials: { ...credentials, create } },
      /Given: credentials\.existingSecret, credentials\.create/,
    ],
    ["a trial without a key", { image, credentials: { create } }, /credentials\.create: no Secret holds clientSecret/],
    [
      "provisioning without SCIM",
      {
        image,
        credentials: { secrets: [{ name: "a", keys: { clientId: "x", clientSecret: "y", cursorApiKey: "z" } }] },
        provisioning: { enabled: true },
      },
      /credentials\.secrets: no Secret holds scimEndpoint, which provisioning needs/,
    ],
    [
      "a credential in two Secrets",
      {
        image,
        credentials: {
          secrets: [
            { name: "a", keys: { clientId: "x", clientSecret: "y", cursorApiKey: "z" } },
            { name: "b", keys: { clientId: "x" } },
          ],
        },
      },
      /more than one Secret holds clientId/,
    ],
    [
      "two authorities",
      { image, credentials, certificateAuthority: { configMap: "a", secret: "b" } },
      /certificateAuthority: name a configMap or a secret, not both/,
    ],
    [
      "a variable that the chart sets itself",
      { image, credentials, extraEnv: [{ name: "BATON_LOG_LEVEL", value: "debug" }] },
      /extraEnv: BATON_LOG_LEVEL is set already/,
    ],
    [
      "a variable given twice",
      { image, credentials, extraEnv: [{ name: "A" }, { name: "A" }] },
      /extraEnv: A is set already/,
    ],
  ];
  for (const [what, values, message] of rows) {
    for (const helm of helmNames) {
      test(`${what}, with ${helm}`, () => refuses(helm, values, message));
    }
  }
});

function refuses(helm: HelmName, values: Parameters<typeof template>[0]["values"], message: RegExp): void {
  const { code, stderr } = template({ helm, ...(values === undefined ? {} : { values }) });
  assert.notEqual(code, 0);
  assert.match(stderr, message);
}
