import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { secretFileNames } from "../../config/credentials.ts";
import type { Config } from "../../config/options.ts";
import { attempt, type Finding, failed, good, skipped, warning } from "./finding.ts";

/** A sync of a hundred thousand members needs about so much (docs/operations.md). */
const enoughBytes = 256 * 1024 * 1024;

/** What the machine has to offer: room for scratch files, and files of credentials that others cannot read. */
export async function checkMachine({ c1zTempDir, secretsDir }: Config): Promise<readonly Finding[]> {
  return [
    ...(await attempt("temporary directory", () => checkTempDir(c1zTempDir))),
    ...(await attempt("secrets directory", () => checkModes(secretsDir))),
  ];
}

async function checkTempDir(directory: string): Promise<readonly Finding[]> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  const detail = `${directory} has ${Math.round(free / 1024 ** 2)} MiB free`;
  if (free >= enoughBytes) return [good("temporary directory", detail)];
  const fix = "a hundred thousand members need about 200 MiB: make it larger, or name another with --c1z-temp-dir";
  return [free === 0 ? failed("temporary directory", detail, fix) : warning("temporary directory", detail, fix)];
}

async function checkModes(directory: string | undefined): Promise<readonly Finding[]> {
  const name = "secrets directory";
  if (directory === undefined) return [skipped(name, "none is used")];
  const open: string[] = [];
  let found = 0;
  for (const file of secretFileNames) {
    const facts = await stat(join(directory, file)).catch(() => undefined);
    if (facts === undefined) continue;
    found += 1;
    if ((facts.mode & 0o007) !== 0) open.push(file);
  }
  if (open.length === 0)
    return [good(name, `${found} of ${secretFileNames.length} files, none of them open to everybody`)];
  return [warning(name, `everybody may read ${open.join(", ")}`, "mount the Secret with defaultMode 0440")];
}
