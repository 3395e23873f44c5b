import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readlink, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seedSecret } from "./canaries.ts";

/** The kubelet keeps Secrets in memory, never on a disk. */
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const secretNames = /SECRET|KEY|TOKEN/;

/** The keys of a Secret with what they hold. */
export type SecretKeys = Readonly<Record<string, string | Uint8Array>>;

/** A directory that is mounted from a Secret. Disposing removes it. */
export interface MountedSecret extends AsyncDisposable {
  readonly directory: string;
  /** Brings a new version of the whole Secret. A version that is the same as the last one changes nothing. */
  write(keys: SecretKeys): Promise<void>;
}

/**
 * Mounts a Secret and changes it as the kubelet does (pkg/volume/util/atomic_writer.go of Kubernetes): a new directory named
 * after the time, all files in it, a link `..data_tmp` to it that is renamed over `..data`, links for new keys, no links for
 * keys that went, and only then the old directory is removed, file by file.
 */
export async function mountSecret(keys: SecretKeys): Promise<MountedSecret> {
  const directory = await mkdtemp(join(memory, "mounted-secret-"));
  let current: SecretKeys = {};
  const secret: MountedSecret = {
    directory,
    async write(next) {
      const before = await readlink(join(directory, "..data")).catch(() => undefined);
      if (before !== undefined && same(current, next)) return;
      const version = await mkdtemp(join(directory, `..${timestamp()}.`));
      await chmod(version, 0o755);
      for (const [name, content] of Object.entries(next)) {
        if (secretNames.test(name))
          seedSecret(`key ${name} of the Secret`, Buffer.from(content).toString(), { whole: true });
        await writeFile(join(version, name), content, { mode: 0o440 });
      }
      await symlink(version.slice(directory.length + 1), join(directory, "..data_tmp"));
      await rename(join(directory, "..data_tmp"), join(directory, "..data"));
      for (const name of Object.keys(next)) {
        if (!(name in current)) await symlink(join("..data", name), join(directory, name));
      }
      for (const name of Object.keys(current)) if (!(name in next)) await unlink(join(directory, name));
      if (before !== undefined) await removeVersion(join(directory, before), Object.keys(current));
      current = { ...next };
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
  await secret.write(keys);
  return secret;
}

/** A directory that somebody fills by hand: each write goes over the files in place, one by one. */
export async function plainSecret(keys: SecretKeys): Promise<MountedSecret> {
  const directory = await mkdtemp(join(memory, "plain-secret-"));
  let current: SecretKeys = {};
  const secret: MountedSecret = {
    directory,
    async write(next) {
      await mkdir(directory, { recursive: true });
      for (const [name, content] of Object.entries(next))
        await writeFile(join(directory, name), content, { mode: 0o600 });
      for (const name of Object.keys(current)) if (!(name in next)) await unlink(join(directory, name));
      current = { ...next };
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
  await secret.write(keys);
  return secret;
}

/** Go's os.RemoveAll: what is inside first. */
async function removeVersion(version: string, names: readonly string[]): Promise<void> {
  for (const name of names) await unlink(join(version, name));
  await rm(version, { recursive: true });
}

function same(left: SecretKeys, right: SecretKeys): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Buffer.from(left[name] ?? "").equals(Buffer.from(right[name] ?? "absent")))
  );
}

/** `2006_01_02_15_04_05`, to which the kubelet appends a random number. */
function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(/[-T:]/g, "_");
}
