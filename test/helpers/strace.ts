import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

/** What is done to the n-th call, counted from 1 in each thread among the calls that are watched. */
export interface Tampering {
  readonly call: string;
  /** From this call on with `lasting`. */
  readonly nth: number;
  readonly lasting?: true;
  /** Delivered when the call is entered. */
  readonly signal?: "SIGKILL" | "SIGTERM";
  /** The call is not made and fails with this, `EIO` say. */
  readonly error?: string;
}

export interface Watch {
  /** System calls by name. */
  readonly calls: readonly string[];
  /** Only calls on exactly these paths, or on descriptors of them; without it on all. */
  readonly paths?: readonly string[];
  readonly tampering?: Tampering;
  /** Only the first thread of the process; otherwise all. */
  readonly mainThread?: true;
}

/** One call as it was seen. */
export interface SeenCall {
  readonly call: string;
  /** The rest of the line, with descriptors as `3</path>`. */
  readonly text: string;
  readonly tampered: boolean;
}

/** A watched process. Disposing detaches from it. */
export interface Strace extends AsyncDisposable {
  /** Detaches, and resolves with the calls in order. */
  end(): Promise<readonly SeenCall[]>;
}

/** Why processes cannot be watched here; `undefined` when they can. */
export function straceProblem(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], { encoding: "utf8" });
  if (error !== undefined) return "strace is not there (Debian package strace)";
  return status === 0 ? undefined : `strace does not work here: ${stderr.trim()}`;
}

/** Watches a running process from outside. Resolves when every call from then on is seen. */
export async function attachStrace(pid: number, { calls, paths = [], tampering, mainThread }: Watch): Promise<Strace> {
  const directory = await mkdtemp(join(tmpdir(), "strace-"));
  const log = join(directory, "log");
  const args = [
    ...(mainThread === true ? [] : ["-f"]),
    "-y",
    "-p",
    String(pid),
    "-o",
    log,
    "-e",
    `trace=${calls.join(",")}`,
  ];
  if (tampering !== undefined) args.push("-e", injection(tampering));
  const child = spawn("strace", [...args, ...paths.flatMap((path) => ["-P", path])], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = once(child, "close");
  const end = async (): Promise<readonly SeenCall[]> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGINT");
    await ended;
    const text = await readFile(log, "utf8");
    await rm(directory, { recursive: true, force: true });
    return parseLog(text);
  };
  let over: Promise<readonly SeenCall[]> | undefined;
  const endOnce = (): Promise<readonly SeenCall[]> => {
    over ??= end();
    return over;
  };
  try {
    await until(() => / attached/.test(said) || child.exitCode !== null, "strace");
    if (!/ attached/.test(said)) throw new Error(`strace: ${said}`);
  } catch (reason) {
    await endOnce().catch(() => undefined);
    throw reason;
  }
  return { end: endOnce, [Symbol.asyncDispose]: async () => void (await endOnce()) };
}

function injection({ call, nth, lasting, signal, error }: Tampering): string {
  const what = [
    ...(signal === undefined ? [] : [`signal=${signal}`]),
    ...(error === undefined ? [] : [`error=${error}`]),
  ];
  return `inject=${call}:${what.join(":")}:when=${nth}${lasting === true ? "+" : ""}`;
}

/** Lines as `123  write(4</path>, "…", 5) = 5`; the second half of a call that was interrupted by another thread's is left out. */
function parseLog(log: string): readonly SeenCall[] {
  return log.split("\n").flatMap((line) => {
    const [, call, text] = /^(?:\d+ +)?([a-z0-9_]+)\((.*)$/.exec(line) ?? [];
    if (call === undefined || text === undefined) return [];
    return [{ call, text, tampered: text.includes("(INJECTED)") }];
  });
}
