import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Team } from "./plan.ts";

const program = new URL("./cursor-process.ts", import.meta.url).pathname;

/** The stand-in of Cursor's Admin API in its own process. */
export interface Cursor extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  /** Of all answers together. */
  readonly bytes: number;
  readonly pages: number;
}

/** Starts it with a team; resolves when its answers are made. */
export async function startCursor({ active, removed, pageSize }: Team): Promise<Cursor> {
  const child = spawn(process.execPath, [program, JSON.stringify({ active, removed, pageSize })], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const line: unknown = (await Promise.race([once(createInterface(child.stdout), "line"), ended]))[0];
  if (typeof line !== "string") throw new Error("the stand-in of Cursor did not start");
  return {
    ...JSON.parse(line),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
