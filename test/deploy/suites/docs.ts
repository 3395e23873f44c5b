import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { parse } from "yaml";
import { valueRows } from "../../../scripts/chart-docs.ts";
import { chart, template } from "../helm.ts";
import { at } from "../objects.ts";
import { of, podSpec } from "../rendered.ts";
import { root, run } from "../tools.ts";

const files = [
  "setup",
  "migration",
  "release",
  "kubernetes",
  "operations",
  "status-page",
  "runbooks",
  "threat-model",
].map((name) => `docs/${name}.md`);
const pages = [...files, "helm/baton-cursor/README.md"].map((file) => ({
  file,
  text: readFileSync(root + file, "utf8"),
}));
const base = "image.repository=registry.example.com/team/baton-cursor,credentials.existingSecret=baton-cursor";

/** The fenced blocks of one language. */
function blocks(text: string, language: string): string[] {
  const fences = text.matchAll(/^( *)```(\w+)\n([\s\S]*?)^\1```$/gm);
  return Array.from(fences).flatMap(([, indent = "", found, body = ""]) =>
    found === language ? [body.replaceAll(new RegExp(`^${indent}`, "gm"), "")] : [],
  );
}

/** The commands of all shell blocks, continued lines joined. */
function commands(text: string): string[] {
  return blocks(text, "sh").flatMap((block) =>
    block
      .replaceAll("\\\n", " ")
      .split("\n")
      .map((line) => line.trim()),
  );
}

const knownPaths = new Set(
  valueRows(readFileSync(`${chart}/values.yaml`, "utf8")).flatMap(({ path }) =>
    path.split(".").map((_part, index, parts) => parts.slice(0, index + 1).join(".")),
  ),
);
const schema = JSON.parse(readFileSync(`${chart}/values.schema.json`, "utf8"));

suite("the pages about Kubernetes", () => {
  for (const { file, text } of pages) {
    test(`${file}: every link leads somewhere`, () => {
      const links = Array.from(text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g), ([, link = ""]) => link);
      for (const link of links) assert.ok(existsSync(join(root, dirname(file), link)), link);
    });

    test(`${file}: every make target is there`, () => {
      for (const [, target = ""] of text.matchAll(/(?:^|`)make ([a-z][a-z-]+)/gm)) {
        const { code } = run("make", ["--dry-run", "--no-print-directory", target, "IMAGE=r/x:1"]);
        assert.equal(code, 0, target);
      }
    });

    test(`${file}: every helm command renders`, () => {
      for (const command of commands(text).filter((line) => /^helm (install|upgrade) /.test(line))) {
        const sets = Array.from(command.matchAll(/--set ([^\s]+)/g), ([, set = ""]) => set);
        assert.ok(sets.length > 0, command);
        // An upgrade reuses what the installation has set.
        const all = command.startsWith("helm upgrade") ? [base, ...sets] : sets;
        const values = all
          .flatMap((set) => set.split(","))
          .map((pair): [string, string] => {
            const [path = "", value = ""] = pair.split(/=(.*)/);
            return [path, value.replace(/REGISTRY/, "registry.example.com")];
          });
        assert.ok(
          values.every(([path]) => knownPaths.has(path)),
          command,
        );
        const { code, stderr } = template({ values: tree(values) });
        assert.equal(code, 0, `${command}\n${stderr}`);
      }
    });

    test(`${file}: every block of values renders`, () => {
      for (const block of blocks(text, "yaml")) {
        const values = parse(block);
        const own = { image: { repository: "r/x" }, credentials: { existingSecret: "s" }, ...values };
        const { code, stderr } = template({ values: own });
        assert.equal(code, 0, `${block}\n${stderr}`);
      }
    });

    test(`${file}: every value that is named exists`, () => {
      for (const [, path = ""] of text.matchAll(/`([a-z]\w*(?:\.[a-zA-Z]\w*)+)(?:=[^`]*)?`/g)) {
        if (schema.properties[path.split(".")[0] ?? ""] === undefined) continue;
        assert.ok(knownPaths.has(path) || path.startsWith("credentials.keys."), path);
      }
    });
  }

  test("tell the numbers and places that the chart has", () => {
    const kubernetes = pages.find(({ file }) => file.endsWith("kubernetes.md"))?.text ?? "";
    const spec = podSpec(of("minimal"));
    assert.match(kubernetes, new RegExp(`\\*\\*${spec["terminationGracePeriodSeconds"]}\\*\\*`));
    const mounts = at(spec, "containers", 0, "volumeMounts", 1, "mountPath");
    assert.ok(kubernetes.includes(`\`${mounts}\``));
  });

  test("setup.md names both kinds of key and both ways to them", () => {
    const setup = pages[0]?.text ?? "";
    for (const words of [
      "`crsr_`",
      "`key_`",
      "**New API Key**",
      "**Admin API Keys**",
      "Enterprise",
      "SSO",
      "cloud-hosted",
    ]) {
      assert.ok(setup.includes(words), words);
    }
  });
});

/** `a.b=1` pairs as values, in the types that `--set` gives. */
function tree(pairs: readonly (readonly [string, string])[]): { [key: string]: never } {
  const values = {};
  for (const [path, text] of pairs) {
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    let here: object = values;
    for (const key of keys) {
      const inner: object = Reflect.get(here, key) ?? {};
      Reflect.set(here, key, inner);
      here = inner;
    }
    Reflect.set(here, last, /^(true|false|\d+)$/.test(text) ? JSON.parse(text) : text);
  }
  return values;
}
