import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** How a body is sent, where not at once and whole. */
export interface BodyPace {
  /** Stops and resets the connection after so many bytes. */
  readonly cutAfterBytes?: number | undefined;
  /** Sends so many bytes at a time and rests between two of them. */
  readonly slowBody?: { readonly bytes: number; readonly everyMs: number } | undefined;
}

const pieceLength = 64 * 1024;

/**
 * Sends the pieces after the head, so that a large body is never one string, and ends the answer. Resolves with whether the pace
 * was kept: a cut was made where one was asked for, and a rest between two pieces.
 */
export async function sendBody(
  response: ServerResponse,
  pieces: Iterable<string>,
  { cutAfterBytes = Number.POSITIVE_INFINITY, slowBody }: BodyPace = {},
): Promise<boolean> {
  let sent = 0;
  let rests = 0;
  for (const bytes of portions(pieces, slowBody?.bytes)) {
    if (response.destroyed) return false;
    if (slowBody !== undefined && sent > 0) rests += 1;
    const part = bytes.subarray(0, Math.max(0, cutAfterBytes - sent));
    sent += part.length;
    if (!response.write(part)) await drained(response);
    if (part.length < bytes.length) break;
    if (slowBody !== undefined) await new Promise((resolve) => setTimeout(resolve, slowBody.everyMs));
  }
  const { socket } = response;
  const isCut = sent >= cutAfterBytes && socket !== null;
  if (sent < cutAfterBytes) response.end();
  else if (socket !== null) breakOff(socket);
  return (isCut || cutAfterBytes === Number.POSITIVE_INFINITY) && (rests > 0 || slowBody === undefined);
}

/** Ends a connection abruptly: a reset, or, where TLS hides the TCP connection, without the words that end TLS. */
export function breakOff(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/** Resolves when more may be written, or the other side is gone; no listener stays. */
async function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once("drain", resolve).once("close", resolve);
  await promise;
  response.off("drain", resolve).off("close", resolve);
}

/** The pieces as bytes: gathered to a useful size, or cut into a given one. */
function* portions(pieces: Iterable<string>, size?: number): Generator<Buffer> {
  let buffer = "";
  for (const piece of pieces) {
    buffer += piece;
    if (buffer.length < pieceLength) continue;
    yield* slices(buffer, size);
    buffer = "";
  }
  if (buffer !== "") yield* slices(buffer, size);
}

function* slices(text: string, size?: number): Generator<Buffer> {
  const bytes = Buffer.from(text);
  const step = size ?? bytes.length;
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}
