import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { build } from "esbuild";
import { parse } from "yaml";
import { chart, helmNames, helms } from "../helm.ts";
import { output, root, run, tools } from "../tools.ts";

const json = (file: string) => JSON.parse(readFileSync(root + file, "utf8"));
const packageJson = json("package.json");

suite("the Dockerfile, read by hadolint", () => {
  // One RUN after another costs nothing in a stage that is thrown away.
  const lint = (file: string) => run(tools.hadolint, ["--no-color", "--ignore", "DL3059", file]);

  test("has nothing to complain about", () =>
    assert.deepEqual(lint(`${root}Dockerfile`), { code: 0, stdout: "", stderr: "" }));

  test("which hadolint would say", () => {
    const { code, stdout } = lint(`${root}test/fixtures/deploy/Dockerfile.bad`);
    assert.notEqual(code, 0);
    for (const rule of ["DL3007", "DL3002", "DL3025"]) assert.match(stdout, new RegExp(rule));
  });
});

suite("the list of what the bundle is made of", () => {
  output("make", ["sbom"]);
  const bom = json("build/sbom.cdx.json");
  const listed = new Set(
    bom.components.map(({ name, version }: { name: string; version: string }) => `${name}@${version}`),
  );

  test("is CycloneDX, of this version", () => {
    assert.deepEqual([bom.bomFormat, bom.specVersion], ["CycloneDX", "1.5"]);
    assert.equal(bom.metadata.component.purl, `pkg:npm/baton-cursor@${packageJson.version}`);
    for (const { name, hashes, licenses } of bom.components) {
      assert.match(hashes[0].content, /^[0-9a-f]{128}$/, name);
      assert.ok(licenses[0].expression || licenses[0].license.id, name);
    }
  });

  test("says who needs whom, and everything is needed by something", () => {
    const refs = new Set(bom.components.map((component: { "bom-ref": string }) => component["bom-ref"]));
    const needed = new Set(bom.dependencies.flatMap(({ dependsOn }: { dependsOn: string[] }) => dependsOn));
    assert.deepEqual(needed, refs);
  });

  test("holds every package that the bundle holds", async () => {
    const { metafile } = await build({
      entryPoints: [`${root}src/main.ts`],
      bundle: true,
      splitting: true,
      write: false,
      outdir: `${root}dist`,
      platform: "node",
      format: "esm",
      metafile: true,
      absWorkingDir: root,
      logLevel: "error",
    });
    const inputs = Object.values(metafile.outputs).flatMap((file) => Object.keys(file.inputs));
    const folders = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
    assert.ok(folders.size > 20, `${folders.size} packages`);
    for (const folder of folders) {
      const { name, version } = json(`${folder}/package.json`);
      assert.ok(listed.has(`${name}@${version}`), `${name}@${version}`);
    }
  });

  test("holds no tool of the development", () => {
    const names = new Set(bom.components.map(({ name }: { name: string }) => name));
    for (const tool of ["@biomejs/biome", "@bufbuild/buf", "esbuild", "fast-check", "knip", "typescript"]) {
      assert.ok(tool in packageJson.devDependencies, tool);
      assert.ok(!names.has(tool), tool);
    }
  });

  test("is the same again", () => {
    const first = readFileSync(`${root}build/sbom.cdx.json`, "utf8");
    output("make", ["sbom"]);
    assert.equal(readFileSync(`${root}build/sbom.cdx.json`, "utf8"), first);
  });
});

suite("the packed chart", () => {
  const meta = parse(readFileSync(`${chart}/Chart.yaml`, "utf8"));

  test("has the program's version", () => {
    assert.deepEqual([meta.version, meta.appVersion], [packageJson.version, packageJson.version]);
  });

  test("has what Artifact Hub reads", () => {
    const note = (name: string) => meta.annotations[`artifacthub.io/${name}`];
    assert.deepEqual([note("license"), note("category"), note("operator")], [packageJson.license, "security", "false"]);
    for (const list of ["changes", "links"]) assert.ok(Array.isArray(parse(note(list))), list);
  });

  for (const helm of helmNames) {
    test(`is made by ${helm}, and renders`, () => {
      const folder = mkdtempSync(join(tmpdir(), "baton-chart-"));
      try {
        output(helms[helm], ["package", chart, "--destination", folder]);
        const archive = join(folder, `baton-cursor-${meta.version}.tgz`);
        const files = output("tar", ["--list", "--file", archive]).trim().split("\n");
        for (const file of ["Chart.yaml", "README.md", "values.yaml", "values.schema.json", "templates/NOTES.txt"]) {
          assert.ok(files.includes(`baton-cursor/${file}`), file);
        }
        const set = "image.repository=r/x,credentials.existingSecret=s";
        assert.match(output(helms[helm], ["template", "team", archive, "--set", set]), /kind: Deployment/);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});
