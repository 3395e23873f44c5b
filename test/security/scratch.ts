import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Does `work` in a directory of its own and removes it. */
export async function inScratch(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "security-"));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Writes certificates into `directory` and resolves with the file's path. */
export async function writePem(directory: string, pem: string): Promise<string> {
  const file = join(directory, "authority.pem");
  await writeFile(file, pem);
  return file;
}
