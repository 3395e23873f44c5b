import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { startScimServer } from "../fakes/scim-server.ts";
import { captureProcess } from "../helpers/capture-process.ts";
import { processEnv, startStandIns } from "../integration/scene.ts";

const root = new URL("../../", import.meta.url).pathname;
const pages = [
  "README.md",
  ...readdirSync(`${root}docs`)
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

interface Command {
  readonly page: string;
  readonly text: string;
}

/** The lines of all shell blocks, continued lines joined, comments and prompts left out. */
function commandsOf(page: string): Command[] {
  const text = readFileSync(root + page, "utf8");
  const blocks = Array.from(text.matchAll(/^( *)```sh\n([\s\S]*?)^\1```$/gm), ([, , body = ""]) => body);
  return blocks
    .flatMap((block) => block.replaceAll(/\\\n\s*/g, " ").split("\n"))
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ page, text: line }));
}

const all = pages.flatMap(commandsOf);
/** Ours, needing neither a cluster nor a tenant: these are run. Others are the business of the pages they are on. */
const ours = all.filter(({ text }) => /^(?:BATON_\w+=\S+ )*(?:dist\/)?baton-cursor\b/.test(text));
/** Without a terminal a deletion asks in vain. */
const exitCodes: readonly (readonly [RegExp, number])[] = [[/--delete-resource (?!.*--(?:yes|dry-run))/, 9]];

suite("commands in the documentation", () => {
  test("there are some, and each shell block holds commands of kinds that are known", () => {
    assert.ok(ours.length >= 8, `${ours.length} of ours`);
    const known =
      /^(?:BATON_\w+=|(?:dist\/)?baton-cursor |make |kubectl |helm |docker |cosign |baton |diff |rm |for |done$|image=|git |npx node test\/)/;
    assert.deepEqual(
      all.filter(({ text }) => !known.test(text)).map(({ page, text }) => `${page}: ${text}`),
      [],
    );
  });

  test("every target of make is there", () => {
    const makefile = readFileSync(`${root}Makefile`, "utf8");
    for (const { page, text } of all) {
      const target = /^make ([a-z-]+)/.exec(text)?.[1];
      if (target !== undefined) assert.match(makefile, new RegExp(`^${target}:`, "m"), `${page}: ${text}`);
    }
  });

  test("every program of the tests is there, and is started with the Node of the project", () => {
    for (const { page, text } of all) {
      const path = /\bnode (\S+\.ts)\b/.exec(text)?.[1];
      if (path === undefined) continue;
      assert.match(text, /^npx node /, `${page}: ${text}`);
      assert.ok(existsSync(root + path), `${page}: ${text}`);
    }
  });

  test("each of ours does what the page says, against stand-ins", { timeout: 120_000 }, async () => {
    await using stage = await startStandIns();
    await using scim = await startScimServer();
    scim.seed(...stage.cursor.members.map(({ email = "" }) => email));
    const directory = mkdtempSync(join(tmpdir(), "docs-"));
    try {
      symlinkSync(`${root}dist`, join(directory, "dist"));
      const {
        BATON_CLIENT_ID: clientId,
        BATON_CLIENT_SECRET: clientSecret,
        ...rest
      } = processEnv(stage, {
        BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint,
        BATON_CURSOR_SCIM_TOKEN: scim.token,
        BATON_TMPDIR: directory,
      });
      const values: Readonly<Record<string, string>> = {
        BATON_CLIENT_ID: clientId ?? "",
        BATON_CLIENT_SECRET: clientSecret ?? "",
        BATON_CURSOR_API_KEY: stage.cursor.apiKey,
      };
      const env = { ...rest, PATH: `${root}dist:${process.env["PATH"]}` };
      for (const { page, text } of ours) {
        const filled = text
          .replaceAll(/\b(BATON_\w+)=\.\.\./g, (whole, name: string) =>
            name in values ? `${name}='${values[name]}'` : whole,
          )
          .replaceAll("user_01ABC", stage.cursor.members[2]?.id ?? "");
        const service = filled.includes("BATON_CLIENT_ID=");
        const hellos = stage.c1.calls("Hello").length;
        const capture = captureProcess([], { ...env, ...values }, { shows: "people" });
        const child = spawn("sh", ["-c", `exec env ${filled}`], {
          cwd: directory,
          env,
          stdio: ["ignore", "pipe", "pipe"],
        });
        let output = "";
        for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
        const closed = once(child, "close");
        if (service) {
          await stage.c1.until(() => stage.c1.calls("Hello").length > hellos, 20_000, `Hello of ${text}`);
          child.kill("SIGTERM");
        }
        const [code] = await closed;
        capture.lookAtOutput({ stdout: output, stderr: "" });
        capture.end();
        const expected = exitCodes.find(([pattern]) => pattern.test(text))?.[1] ?? 0;
        assert.equal(code, expected, `${page}: ${text}\n${output}`);
        // The next lines look at the file that an earlier one made.
        if (text.endsWith("-f sync.c1z")) {
          for (const name of ["old.c1z", "new.c1z"]) copyFileSync(join(directory, "sync.c1z"), join(directory, name));
        }
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
