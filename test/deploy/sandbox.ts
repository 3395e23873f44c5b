import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { captureProcess } from "../helpers/capture-process.ts";

/** What a container runtime would be told. */
export interface ContainerOptions {
  /** The unpacked image, readable for everybody. */
  readonly rootfs: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** Directories of this machine by the place inside where they are mounted, to be read only. */
  readonly mounts?: Readonly<Record<string, string>>;
}

/** A process in a sandbox. Disposing kills it. */
export interface Container extends AsyncDisposable {
  /** The first process inside, as this machine numbers it. */
  readonly pid: number;
  readonly output: () => string;
  /** Signals the first process inside. */
  kill(signal: NodeJS.Signals): void;
  /** The exit code; 128 and the number of a signal that ended it. */
  readonly ended: Promise<number | null>;
}

const user = "65532";

/**
 * Runs a command as a restricted pod would: process 1 of its own process space, user 65532, no capability, no new privileges,
 * a read-only root with a writable /tmp. The network is this machine's, so that the test can ask it.
 */
export async function startContainer(options: ContainerOptions): Promise<Container> {
  const { rootfs, command, env, workingDir, mounts = {} } = options;
  const drop = [`--reuid=${user}`, `--regid=${user}`, "--clear-groups", "--inh-caps=-all", "--no-new-privs"];
  const spaces = [
    "--unshare-user",
    "--uid",
    user,
    "--gid",
    user,
    "--unshare-pid",
    "--as-pid-1",
    "--cap-drop",
    "ALL",
    "--die-with-parent",
  ];
  const files = ["--ro-bind", rootfs, "/", "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"];
  const more = Object.entries(mounts).flatMap(([inside, outside]) => ["--ro-bind", outside, inside]);
  const variables = Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]);
  const rest = ["--clearenv", ...variables, "--chdir", workingDir, "--info-fd", "3", "--", ...command];
  const capture = captureProcess(command, env);
  const child = spawn("setpriv", [...drop, "bwrap", ...spaces, ...files, ...more, ...rest], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = once(child, "close").then(([code]): number | null => code);
  const pid = await firstProcess(child);
  if (pid === undefined) {
    await ended;
    throw new Error(`the sandbox did not start: ${output}`);
  }
  return {
    pid,
    ended,
    output: () => output,
    kill: (signal) => void process.kill(pid, signal),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
      capture.lookAtOutput({ stdout: output, stderr: "" });
      capture.end();
    },
  };
}

/**
 * Reads which process the sandbox has started; undefined when it ended instead. The pipe stays open: bubblewrap would die of
 * a closed one before it lets the process go.
 */
function firstProcess(child: ChildProcess): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const info = child.stdio[3] as Readable;
  let text = "";
  info.on("data", (chunk) => {
    text += chunk;
    const found = /"child-pid":\s*(\d+)/.exec(text)?.[1];
    if (found !== undefined) resolve(Number(found));
  });
  info.on("close", () => resolve(undefined));
  return promise;
}

/** Runs a command in a sandbox to its end. */
export async function runContainer(options: ContainerOptions): Promise<{ code: number | null; output: string }> {
  await using container = await startContainer(options);
  const code = await container.ended;
  return { code, output: container.output() };
}
