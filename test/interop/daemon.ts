import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { captureProcess } from "../helpers/capture-process.ts";

/** What the stand-in takes. */
export const apiKey = `key_interop${"0123456789abcdef".repeat(3)}`;
const executable = new URL("../../dist/baton-cursor", import.meta.url).pathname;

/** The roster that the stand-in of the Cursor Admin API answers with. */
export const roster = [
  { id: "user_9fQ2aLmZ0example", name: "Ada Byron", email: "ada@example.com", role: "owner", isRemoved: false },
  { id: "user_b71kexample", name: "", email: "Bob@Example.com", role: "member", isRemoved: false },
  { id: "user_c0exampleold", name: "Cleo Old", email: "cleo@example.com", role: "removed", isRemoved: true },
  { id: "user_d4example", name: "Dóra Üç 🧸", email: "dora@example.com", role: "free-owner", isRemoved: false },
  { name: "Eve", email: "Eve@Example.com", role: "member", isRemoved: false },
];

export interface Cursor extends AsyncDisposable {
  readonly url: string;
}

/** A Cursor Admin API that knows the roster and takes `delayMs` to say it. */
export async function startCursor(delayMs = 0): Promise<Cursor> {
  const expected = `Basic ${Buffer.from(`${apiKey}:`).toString("base64")}`;
  const server = createServer((request, response) => {
    const known = request.method === "GET" && new URL(request.url ?? "", "http://x").pathname === "/teams/members";
    const status = request.headers.authorization !== expected ? 401 : known ? 200 : 404;
    const body = status === 200 ? { teamMembers: roster } : { error: "Refused", message: "no" };
    const answer = () => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    setTimeout(answer, delayMs).unref();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A client id and a secret of the shape that C1 hands out, with a key of its own. */
export function newCredentials(): { readonly clientId: string; readonly clientSecret: string } {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const encoded = Buffer.from(JSON.stringify(jwk)).toString("base64url");
  return { clientId: "interop@localhost/ccc", clientSecret: `secret-token:conductorone.com:v1:${encoded}` };
}

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export interface Process {
  /** Asks it to stop. */
  stop(): void;
  readonly ended: Promise<Ended>;
}

/** Starts the built daemon with nothing of our own environment but PATH. `ended` rejects when it has shown a canary. */
export function startConnector(args: readonly string[], env: Readonly<Record<string, string>>): Process {
  const variables = { BATON_CURSOR_API_KEY: apiKey, ...env };
  const capture = captureProcess(args, variables);
  const child = spawn(executable, args, {
    env: { PATH: process.env["PATH"], ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = once(child, "close").then(([code]) => {
    const output = Buffer.concat(chunks).toString();
    capture.lookAtOutput({ stdout: output, stderr: "" });
    capture.end();
    return { code: code as number | null, output };
  });
  return { stop: () => child.kill("SIGTERM"), ended };
}
