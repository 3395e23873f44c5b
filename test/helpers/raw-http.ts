import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";

/** What came back on a connection. */
export interface RawAnswer {
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const interim = /^HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n/;

/** Sends bytes on a connection of their own, reads until the other side has ended it or was silent for `quietMs`, and takes the first final answer. */
export async function sendBytes(port: number, bytes: string | Uint8Array, quietMs = 1_000): Promise<RawAnswer> {
  const socket = await openSocket(port);
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.setTimeout(quietMs, () => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  socket.write(bytes);
  if (!socket.closed) await promise;
  const [head = "", ...rest] = text.replace(interim, "").split("\r\n\r\n");
  const [line = "", ...fields] = head.split("\r\n");
  const headers = Object.fromEntries(
    fields.map((field) => [
      field.slice(0, field.indexOf(":")).toLowerCase(),
      field.slice(field.indexOf(":") + 1).trim(),
    ]),
  );
  const body = rest.join("\r\n\r\n");
  const chunk =
    headers["transfer-encoding"] === "chunked" ? (/^[0-9a-f]+\r\n([\s\S]*?)\r\n0/.exec(body)?.[1] ?? "") : body;
  return { status: Number(line.split(" ")[1] ?? 0), headers, body: chunk };
}

/** A connection that survives what happens to it; it may be closed already. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("connect", resolve).once("close", () => resolve());
  await promise;
  return socket;
}

/** Status and time of an answer over a connection of its own, as a probe asks; status 0 when none came within ten seconds. */
export async function probe(port: number, path: string): Promise<{ readonly status: number; readonly tookMs: number }> {
  const startMs = performance.now();
  const call = request({ port, path, agent: false, signal: AbortSignal.timeout(10_000) });
  call.end();
  try {
    const [response] = await once(call, "response");
    response.resume();
    await once(response, "end");
    return { status: response.statusCode, tookMs: performance.now() - startMs };
  } catch {
    return { status: 0, tookMs: performance.now() - startMs };
  }
}
