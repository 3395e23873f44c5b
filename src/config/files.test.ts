import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { configInput, oneShotEnv } from "../../test/helpers/config-input.ts";
import { StatusError } from "../baton/status-error.ts";
import { localFiles } from "./files.ts";
import { parseConfig } from "./parse.ts";

const directory = mkdtempSync(join(tmpdir(), "baton-config-"));
after(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, "file"), "text");

suite("local files", () => {
  test("a file is its text, a missing one is undefined, a directory cannot be read", () => {
    assert.equal(localFiles.readText(join(directory, "file")), "text");
    assert.equal(localFiles.readText(join(directory, "none")), undefined);
    assert.equal(localFiles.readText(join(directory, "file", "none")), undefined);
    assert.throws(
      () => localFiles.readText(directory),
      (error) => error instanceof StatusError && error.message === "cannot be read (EISDIR)",
    );
  });

  test("says what is wrong with a directory", () => {
    assert.equal(localFiles.directoryProblem(directory, "write"), undefined);
    assert.equal(localFiles.directoryProblem(directory, "read"), undefined);
    assert.equal(localFiles.directoryProblem(join(directory, "none"), "read"), "does not exist");
    assert.equal(localFiles.directoryProblem(join(directory, "file"), "write"), "is not a directory");
  });

  test("a Secret as Kubernetes mounts it", () => {
    const mount = join(directory, "secret");
    mkdirSync(join(mount, "..2026_1"), { recursive: true });
    writeFileSync(join(mount, "..2026_1", "BATON_CURSOR_API_KEY"), "from-mount\n");
    symlinkSync("..2026_1", join(mount, "..data"));
    symlinkSync(join("..data", "BATON_CURSOR_API_KEY"), join(mount, "BATON_CURSOR_API_KEY"));
    const input = { ...configInput(), files: localFiles, cwd: directory, tempDir: directory };
    const { config, origins } = parseConfig({ ...input, env: { ...oneShotEnv, BATON_SECRETS_DIR: mount } });
    assert.equal(config.cursorApiKey?.reveal(), "from-mount");
    assert.equal(origins.cursorApiKey, "secrets");
  });
});
