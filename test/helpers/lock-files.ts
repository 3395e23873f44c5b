import { execFileSync } from "node:child_process";

export interface LockFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly url: URL;
  /** Where npm has to run. */
  readonly folder: URL;
}

/** Every lock file of npm that git knows, the root's among them. */
export function lockFiles(): readonly LockFile[] {
  const root = new URL("../../", import.meta.url);
  const listed = execFileSync("git", ["ls-files", "package-lock.json", "**/package-lock.json"], {
    cwd: root,
    encoding: "utf8",
  });
  const paths = listed.split("\n").filter((path) => path !== "");
  if (!paths.includes("package-lock.json")) throw new Error("git does not list the lock file of the root");
  return paths.map((path) => ({ path, url: new URL(path, root), folder: new URL(".", new URL(path, root)) }));
}
