import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The wall clock of processes that are started with `env`. */
export interface WallClock extends Disposable {
  readonly env: Readonly<Record<string, string>>;
  /** From now on it is off by so many milliseconds. */
  set(offsetMs: number): void;
  /** Whether a process was told a time that is off by this much since that was set. */
  wasRead(offsetMs: number): boolean;
}

/** A clock that is right. */
export function createWallClock(): WallClock {
  const directory = mkdtempSync(join(tmpdir(), "wall-clock-"));
  const file = join(directory, "offset");
  const set = (offsetMs: number): void => {
    // Renamed into place, so that a reader never finds half of it.
    writeFileSync(`${file}.new`, String(offsetMs));
    renameSync(`${file}.new`, file);
    rmSync(`${file}.read-${offsetMs}`, { force: true });
  };
  set(0);
  return {
    env: {
      NODE_OPTIONS: `--import=${fileURLToPath(new URL("./wall-clock.ts", import.meta.url))}`,
      TEST_WALL_CLOCK_FILE: file,
    },
    set,
    wasRead: (offsetMs) => existsSync(`${file}.read-${offsetMs}`),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
