import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/baton/clock.ts";
import { findCredentials, secretFileNames } from "../../../src/config/credentials.ts";
import { readSecretDirectory } from "../../../src/credentials/secret-directory.ts";
import { clientId, clientSecret, configInput } from "../../helpers/config-input.ts";
import { mutateBytes, repeatPart } from "../harness/mutate-bytes.ts";
import { assertHidden, attemptAsync, checkMessage } from "../harness/oracle.ts";
import type { FuzzTarget } from "../harness/target.ts";
import { ownWords } from "./own-words.ts";

const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const separator = Buffer.from("\n---8<---\n");

/** The five files of a Secret, one after the other, between lines that separate them. */
export const secretTarget: FuzzTarget = {
  name: "secret-files",
  covers: ["src/credentials/secret-directory.ts", "src/config/credentials.ts", "src/config/c1-credentials.ts"],
  seeds: [
    [
      clientId,
      clientSecret,
      "crsr_0123456789abcdef0123456789abcdef",
      "https://scim.example.com/v2",
      "scim-token-0123456789abcdef0123456789",
    ],
    [`\uFEFF${clientId}\r\n`, ` ${clientSecret}\n\n`, "key\0", "http://scim.example.com", "\ud800"],
    ["x".repeat(70_000), "", "   ", "https://u:p@h/", "a b"],
  ]
    .map((texts) => Buffer.from(texts.join(separator.toString())))
    .concat(Buffer.concat([Buffer.from(clientId), separator, Buffer.of(0xff, 0xfe, 0x80)])),
  mutators: [mutateBytes, mutateBytes, repeatPart],
  maxBytes: 200_000,
  cpuLimitMs: 1000,
  async run(input) {
    const contents = cutAt(input);
    const directory = mkdtempSync(join(memory, "fuzz-secret-"));
    try {
      for (const [at, content] of contents.entries())
        writeFileSync(join(directory, secretFileNames[at] ?? "other"), content);
      const signal = new AbortController().signal;
      const { error, value } = await attemptAsync(
        () => readSecretDirectory(directory, secretFileNames, systemClock, signal),
        ["unavailable"],
      );
      assert.equal(error, undefined, "one bad file does not spoil the others");
      return checkSecrets(contents, value?.texts ?? new Map(), value?.problems ?? new Map());
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};

function cutAt(input: Uint8Array): Buffer[] {
  const parts: Buffer[] = [];
  let rest = Buffer.from(input);
  for (
    let at = rest.indexOf(separator);
    at !== -1 && parts.length < secretFileNames.length - 1;
    at = rest.indexOf(separator)
  ) {
    parts.push(rest.subarray(0, at));
    rest = rest.subarray(at + separator.length);
  }
  return [...parts, rest].slice(0, secretFileNames.length);
}

function checkSecrets(
  contents: readonly Buffer[],
  texts: ReadonlyMap<string, string>,
  problems: ReadonlyMap<string, string>,
): "accepted" | "refused" {
  for (const [at, content] of contents.entries()) {
    const name = secretFileNames[at] ?? "";
    const plain = content.toString("utf8");
    const fits = content.length <= 64 * 1024 && Buffer.from(plain).equals(content) && !plain.includes("\0");
    assert.equal(problems.has(name), !fits, `${name}: ${problems.get(name)}`);
    if (fits) assert.equal(texts.get(name)?.trim() ?? "", plain.trim(), "what fits is kept");
    assertHidden(plain, problems.get(name) ?? "", ownWords);
  }
  const found = findCredentials(configInput({ env: {} }), texts);
  for (const { problem, text, value } of Object.values(found)) {
    if (problem !== undefined) {
      checkMessage(problem);
      assertHidden(text, problem, ownWords);
    }
    if (text !== "") assert.ok((problem === undefined) !== (value === undefined), "either right, or with a reason");
  }
  for (const { value } of [found.clientSecret, found.cursorApiKey, found.cursorScimToken]) {
    if (value !== undefined) assert.equal(JSON.stringify(value), '"[redacted]"', "a secret cannot be printed");
  }
  return found.clientId.value !== undefined || found.cursorApiKey.value !== undefined ? "accepted" : "refused";
}
