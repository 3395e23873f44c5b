import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const here = new URL("./", import.meta.url).pathname;
const bin = `${here}bin/`;
const toolchain = process.env["GO"] ?? "go";

/** Our interop command, our connector on the SDK, and the SDK's own command line tool, built from the versions that go.mod pins. */
export type Tool = "interop" | "sdk-connector" | "baton";

const packages = ["./cmd/interop", "./cmd/sdk-connector", "github.com/conductorone/baton-sdk/cmd/baton"];

/** What `go version` says, or undefined where there is no Go. */
export function goVersion(): string | undefined {
  const { status, stdout } = spawnSync(toolchain, ["version"], { cwd: here, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** Runs a go command in the module and throws with its output when it fails. */
export function go(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(toolchain, args, { cwd: here, encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`go ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

export function buildTools(): void {
  go("build", "-trimpath", "-buildvcs=false", "-o", bin, ...packages);
}

/** Where a tool lies once it is built. */
export function programPath(tool: Tool): string {
  return bin + tool;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool to its end. */
export function run(tool: Tool, args: readonly string[], input = ""): Outcome {
  const { status, stdout, stderr } = spawnSync(programPath(tool), args, {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { code: status, stdout, stderr };
}

/** Runs a tool that must succeed and gives what it printed. */
export function output(tool: Tool, ...args: readonly string[]): string {
  const { code, stdout, stderr } = run(tool, args);
  if (code !== 0) throw new Error(`${tool} ${args.join(" ")} ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** A line that the tiny C1 prints. */
export interface Event {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The tiny C1 while it runs. */
export interface TinyC1 {
  readonly port: number;
  /** Everything printed so far. */
  readonly events: readonly Event[];
  /** Resolves with the exit code once every scripted task has ended (or the tool gave up). */
  readonly exited: Promise<number | null>;
}

/** Starts the tiny C1 with a script of tasks; it ends by itself. */
export async function startTinyC1(directory: string, script: readonly object[]): Promise<TinyC1> {
  const certificate = ["-cert", `${directory}/cert.pem`, "-key", `${directory}/key.pem`];
  const child = spawn(programPath("interop"), ["c1", ...certificate, "-save", directory, "-timeout", "90s"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(script));
  const events: Event[] = [];
  const lines = createInterface(child.stdout);
  lines.on("line", (line) => events.push(JSON.parse(line) as Event));
  const exited = once(child, "close").then(([code]) => code as number | null);
  await Promise.race([once(lines, "line"), exited]);
  const port = events[0]?.["port"];
  if (typeof port !== "number") throw new Error("the tiny C1 did not start");
  return { port, events, exited };
}
