import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** SCIM servers that we did not write and that need nothing but Node; `make setup` installs them. */
export const scimServerNames = ["better-auth", "scimmy-express4", "scimmy-express5"] as const;

/** A server under `test/scim-servers`; its README says what each one is good for. */
export type ScimServerName = (typeof scimServerNames)[number] | "scim2-server";

/** A user as the server's store has it. `active` is true where the store says nothing. */
export interface StoredScimUser {
  readonly id: string;
  readonly userName: string;
  readonly active: boolean;
  readonly emails: readonly string[];
}

/** A user to begin with. */
export interface SeedScimUser {
  readonly userName: string;
  /** Default true. */
  readonly active?: boolean;
  /** The first is primary. Default: the user name alone. An empty list sends no `emails`. */
  readonly emails?: readonly string[];
  readonly givenName?: string;
  readonly familyName?: string;
  readonly externalId?: string;
}

/** A SCIM server as a process of its own on 127.0.0.1. Disposing kills it; it also ends when this process does. */
export interface ScimTestServer extends AsyncDisposable {
  readonly name: ScimServerName;
  /** The SCIM base, without a slash at its end. */
  readonly url: string;
  readonly token: string;
  /** What the store holds, read past SCIM. */
  users(): Promise<readonly StoredScimUser[]>;
  /** Adds users to the store, not over HTTP; rejects when the server refuses one of them. */
  seed(users: readonly SeedScimUser[]): Promise<void>;
  /** Empties the store. */
  reset(): Promise<void>;
}

const folder = new URL("../scim-servers/", import.meta.url).pathname;
const startWithinMs = 30_000;

/** The server in Python, and why it cannot be started on this machine (`undefined`: it can). */
export function pythonScimServer(): { readonly name: "scim2-server"; readonly missing: string | undefined } {
  return { name: "scim2-server", missing: pythonMissing() };
}

function pythonMissing(): string | undefined {
  const { program, installed } = commands["scim2-server"];
  if (existsSync(program) && existsSync(installed)) return undefined;
  // What `make scim-python` asks as well.
  const python = spawnSync("python3", ["-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"]);
  if (python.status === 0) return "it is not installed: run `make scim-python`";
  return "it needs python3, 3.11 or newer, with venv (Debian packages python3 and python3-venv)";
}

interface Command {
  readonly program: string;
  readonly argument: string;
  /** Is there when the server's packages are. */
  readonly installed: string;
}

const inNode = (name: string): Command => ({
  program: process.execPath,
  argument: `${folder}${name}/server.mjs`,
  installed: `${folder}${name}/node_modules/.installed`,
});

const commands: Readonly<Record<ScimServerName, Command>> = {
  "better-auth": inNode("better-auth"),
  "scimmy-express4": inNode("scimmy-express4"),
  "scimmy-express5": inNode("scimmy-express5"),
  "scim2-server": {
    program: `${folder}scim2-server/.venv/bin/python`,
    argument: `${folder}scim2-server/server.py`,
    installed: `${folder}scim2-server/.venv/.installed`,
  },
};

/**
 * Starts one server with an empty store (about a second on a quiet machine) and waits until it listens. Start it once per
 * test file and call `reset` between tests. Rejects with what the program wrote when it ends instead.
 */
export async function startScimServer(name: ScimServerName): Promise<ScimTestServer> {
  const { program, argument, installed } = commands[name];
  if (!existsSync(installed)) {
    const target = name === "scim2-server" ? "scim-python" : "setup";
    throw new Error(`the SCIM server ${name} is not installed: run \`make ${target}\``);
  }
  const token = randomBytes(32).toString("hex");
  const child = spawn(program, [argument], {
    env: { PATH: process.env["PATH"], SCIM_TOKEN: token },
    // The program ends when its standard input does, so it cannot outlive this process, however that dies.
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  const dispose = async (): Promise<void> => {
    child.ref();
    child.kill("SIGKILL");
    await ended;
  };
  const listening = await announced(child).catch(async (cause: unknown) => {
    await dispose();
    throw new Error(`the SCIM server ${name} did not start`, { cause });
  });
  // A test that forgets to dispose must not keep its process alive.
  child.unref();
  for (const pipe of [child.stdin, child.stdout, child.stderr]) if (pipe instanceof Socket) pipe.unref();
  return {
    name,
    url: listening.url,
    token,
    users: async () => (await control(listening.control, "GET")) as readonly StoredScimUser[],
    async seed(users) {
      await control(listening.control, "POST", users.map(scimUser));
    },
    async reset() {
      await control(listening.control, "DELETE");
    },
    [Symbol.asyncDispose]: dispose,
  };
}

interface Announcement {
  readonly url: string;
  /** Where the store is read and written past SCIM. */
  readonly control: string;
}

/** Waits for the line in which a program says where it listens. */
async function announced(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<Announcement> {
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-10_000);
  });
  const lines = createInterface(child.stdout);
  const ended = new AbortController();
  child.once("close", (code, signal) => ended.abort(new Error(`it ended with ${code ?? signal}: ${errors}`)));
  child.once("error", (error) => ended.abort(error));
  const tooLate = AbortSignal.timeout(startWithinMs);
  const signal = AbortSignal.any([ended.signal, tooLate]);
  const line: unknown[] = await once(lines, "line", { signal }).catch(() => {
    throw ended.signal.aborted ? ended.signal.reason : new Error(`silent for ${startWithinMs} ms: ${errors}`);
  });
  lines.close();
  child.stdout.resume();
  return JSON.parse(String(line[0])) as Announcement;
}

async function control(url: string, method: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${method} ${url} failed: ${await response.text()}`);
  return response.json();
}

/** The SCIM resource that a create request would carry for a user. */
export function scimUser(user: SeedScimUser): object {
  const { userName, active = true, emails = [userName], givenName = "Given", familyName = "Family", externalId } = user;
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName,
    active,
    name: { givenName, familyName },
    ...(emails.length === 0 ? {} : { emails: emails.map((value, at) => ({ value, primary: at === 0 })) }),
    ...(externalId === undefined ? {} : { externalId }),
  };
}
