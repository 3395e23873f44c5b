/**
 * A hostile client, as a program of its own so that it takes no time from whoever measures: `node storm.ts KIND PORT PATH…`, port and path
 * for each listener. It goes on until it is killed.
 */
import { setTimeout as delay } from "node:timers/promises";
import { openSocket, sendBytes } from "./raw-http.ts";

const mib = 1024 * 1024;
const host = "host: localhost\r\n";

const kinds = {
  /** A thousand connections, each with a header now and then. */
  async slow(port: number, path: string): Promise<void> {
    await again(1_000, async () => {
      const socket = await openSocket(port);
      socket.write(`GET ${path} HTTP/1.1\r\n`);
      for (let line = 0; !socket.destroyed; line += 1) {
        socket.write(`x-${line}: y\r\n`);
        await delay(500);
      }
    });
  },
  /** Requests without a pause, the answers never read. */
  async pipelined(port: number, path: string): Promise<void> {
    const many = `GET ${path} HTTP/1.1\r\n${host}\r\n`.repeat(1_500);
    await again(1, async () => {
      const socket = await openSocket(port);
      socket.pause().write(many);
      await delay(200);
      socket.destroy();
    });
  },
  /** Headers of a megabyte. */
  async headers(port: number, path: string): Promise<void> {
    const bytes = `GET ${path} HTTP/1.1\r\n${host}x: ${"y".repeat(mib)}\r\n\r\n`;
    await again(10, () => sendBytes(port, bytes));
  },
  /** Bodies without an end. */
  async bodies(port: number, path: string): Promise<void> {
    const chunk = `10000\r\n${"z".repeat(65_536)}\r\n`;
    await again(10, async () => {
      const socket = await openSocket(port);
      socket.resume().write(`POST ${path} HTTP/1.1\r\n${host}transfer-encoding: chunked\r\n\r\n`);
      while (!socket.destroyed) {
        socket.write(chunk);
        await delay(1);
      }
    });
  },
} as const;

export type StormKind = keyof typeof kinds;

/** Does something for ever, so many at the same time. */
async function again(width: number, work: () => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (;;) await work();
    }),
  );
}

if (import.meta.main) {
  const [kind = "", ...targets] = process.argv.slice(2);
  const storm = Object.entries(kinds).find(([name]) => name === kind)?.[1];
  if (storm === undefined) throw new Error(`no storm is called ${kind}`);
  for (let at = 0; at < targets.length; at += 2) void storm(Number(targets[at]), targets[at + 1] ?? "");
}
