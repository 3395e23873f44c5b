import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** Why a request gets no answer of a route. */
export interface Refusal {
  /** 4xx, or 500 for a failure of our own. */
  readonly status: number;
  /** For whoever sent it; says nothing about the process. */
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a listener words what every answer needs. */
export interface AnswerForm {
  /** On every answer, also on those that are given before there is a request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body of a refusal. */
  body(refusal: Refusal): string;
}

const phrases: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

/** Refuses a request that has been read, and ends its connection: what follows on it may be anything. */
export function refuse(response: ServerResponse, refusal: Refusal, form: AnswerForm): void {
  const headers = { ...form.headers, ...refusal.headers, "content-type": "application/json", connection: "close" };
  response.writeHead(refusal.status, headers).end(form.body(refusal));
}

/** The same where there is no request, only a connection. */
export function refuseConnection(socket: Duplex, refusal: Refusal, form: AnswerForm): void {
  if (!socket.writable) return;
  const body = form.body(refusal);
  const headers = {
    ...form.headers,
    ...refusal.headers,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${refusal.status} ${phrases[refusal.status] ?? "Error"}\r\n${lines.join("")}\r\n${body}`);
}

/** What Node found wrong with the bytes of a connection, before there was a request (`clientError`). */
export function clientRefusal(code: string | undefined, headerBytes: number): Refusal {
  if (code === "HPE_HEADER_OVERFLOW")
    return { status: 431, reason: `the headers are longer than ${headerBytes} bytes` };
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return { status: 408, reason: "the request took too long to arrive" };
  return { status: 400, reason: "this is not HTTP/1.1" };
}

/** RFC 9112, section 3.2: one Host field, not less and not more. HTTP/1.0 knows none. */
export function hostRefusal({ httpVersionMinor, rawHeaders }: IncomingMessage): Refusal | undefined {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
  if (hosts === 1 || (hosts === 0 && httpVersionMinor === 0)) return undefined;
  return { status: 400, reason: "a request names its host once" };
}
