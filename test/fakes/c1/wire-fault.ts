import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { WireFault } from "./types.ts";

/** A right message and what becomes of it on its way out. */
export interface WrongAnswer {
  readonly message: Uint8Array;
  readonly fault: WireFault;
}

const grpcHead = { ":status": 200, "content-type": "application/grpc+proto" } as const;
/** Field 0 is in no message, and its wire type 7 is none. */
const undecodable = Uint8Array.of(7, 255, 255);

/** Sends an answer as its fault says (gRPC over HTTP/2, "Responses", tells what a right one is). */
export function sendWrongly(stream: ServerHttp2Stream, { message, fault }: WrongAnswer): void {
  if (stream.destroyed || stream.closed) return;
  switch (fault.kind) {
    case "status":
      stream.respond(
        { ...grpcHead, "grpc-status": String(fault.code), "grpc-message": "scripted" },
        { endStream: true },
      );
      return;
    case "rst-stream":
      stream.close(fault.code);
      return;
    case "http":
      stream.respond({ ":status": fault.status, "content-type": fault.contentType });
      stream.end(fault.body);
      return;
    case "no-status":
      stream.respond(grpcHead);
      stream.end(framed(message));
      return;
    case "no-message":
      stream.respond({ ...grpcHead, "grpc-status": "0" }, { endStream: true });
      return;
    case "cut-message":
      respondOk(stream, framed(Buffer.concat([message, Buffer.alloc(64)])).subarray(0, -32));
      return;
    case "garbage":
      respondOk(stream, framed(undecodable));
      return;
    case "compressed":
      respondOk(stream, framed(message, 1), { "grpc-encoding": "gzip" });
      return;
  }
}

function framed(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags, 0);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function respondOk(stream: ServerHttp2Stream, body: Buffer, headers: OutgoingHttpHeaders = {}): void {
  stream.respond({ ...grpcHead, ...headers }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(body);
}
