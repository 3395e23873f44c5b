import { once } from "node:events";
import { createServer as createHttp1Server, type IncomingMessage } from "node:http";
import { createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { capture } from "../helpers/capture.ts";
import { type GrpcCall, GrpcFailure, grpcCodes, serveGrpc } from "./c1/grpc.ts";

/** One span as a collector would know it (opentelemetry-proto, `trace/v1/trace.proto`). */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the root of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 3 client. */
  readonly kind: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly statusCode: number;
  readonly resource: Readonly<Record<string, string | number>>;
}

/** A collector of traces on this machine, over HTTP with protobuf and over gRPC. It refuses what OTLP does not allow. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly httpUrl: string;
  /** `127.0.0.1:port` */
  readonly grpcHost: string;
  readonly spans: readonly ReceivedSpan[];
  /** The headers of each request. */
  readonly requests: readonly IncomingHttpHeaders[];
  /** Everything that came, as text, to look for what must not be there. */
  raw(): string;
  readonly violations: readonly string[];
  /** As if nothing had come yet. */
  forget(): void;
}

const grpcPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** Starts it on two free ports. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const requests: IncomingHttpHeaders[] = [];
  const bodies: Buffer[] = [];
  const violations: string[] = [];
  const take = (headers: IncomingHttpHeaders, body: Buffer): void => {
    requests.push(headers);
    bodies.push(body);
    spans.push(...readRequest(body));
    capture.look("trace", body.toString());
  };

  const http = createHttp1Server((request, response) => {
    readBody(request).then(
      (body) => {
        const { method, url, headers } = request;
        const fault = httpFault(method, url, headers);
        if (fault === undefined) take(headers, headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
        else violations.push(fault);
        response.writeHead(fault === undefined ? 200 : 400, { "content-type": "application/x-protobuf" }).end();
      },
      () => response.destroy(),
    );
  });
  const sessions = new Set<ServerHttp2Session>();
  const grpc = createHttp2Server();
  grpc.on("session", (session) => sessions.add(session));
  grpc.on("stream", (stream, headers) => {
    serveGrpc(stream, headers, async (call) => {
      if (call.path !== grpcPath) throw new GrpcFailure(grpcCodes.UNIMPLEMENTED, call.path);
      take(headers, await onlyMessage(call));
      return new Uint8Array();
    }).catch((reason: unknown) => violations.push(String(reason)));
  });
  const [httpPort, grpcPort] = [await listen(http), await listen(grpc)];
  return {
    httpUrl: `http://127.0.0.1:${httpPort}`,
    grpcHost: `127.0.0.1:${grpcPort}`,
    spans,
    requests,
    violations,
    forget() {
      for (const list of [spans, requests, bodies]) list.length = 0;
    },
    raw: () => Buffer.concat(bodies).toString("latin1"),
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      const closed = [once(http, "close"), once(grpc, "close")];
      http.close();
      http.closeAllConnections();
      grpc.close();
      await Promise.all(closed);
    },
  };
}

function httpFault(method = "", url = "", headers: IncomingHttpHeaders): string | undefined {
  if (method !== "POST") return `method ${method}`;
  if (url !== "/v1/traces") return `path ${url}`;
  if (headers["content-type"] !== "application/x-protobuf") return `content-type ${headers["content-type"]}`;
  return undefined;
}

async function listen(server: ReturnType<typeof createHttp1Server> | ReturnType<typeof createHttp2Server>) {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function onlyMessage({ messages }: GrpcCall): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const message of messages) all.push(Buffer.from(message));
  const [only, ...others] = all;
  if (only === undefined || others.length > 0) throw new GrpcFailure(grpcCodes.INVALID_ARGUMENT, "not one message");
  return only;
}

/** The fields of a message in the order in which they came: numbers for varints and fixed ones, bytes for the rest. */
function* fields(bytes: Uint8Array): Generator<readonly [number, Uint8Array | bigint]> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.Varint) yield [number, BigInt(reader.uint64())];
    else if (type === WireType.Bit64) yield [number, BigInt(reader.fixed64())];
    else if (type === WireType.Bit32) yield [number, BigInt(reader.fixed32())];
    else if (type === WireType.LengthDelimited) yield [number, reader.bytes()];
    else throw new Error(`field ${number} has wire type ${type}`);
  }
}

function all(bytes: Uint8Array, wanted: number): Uint8Array[] {
  return [...fields(bytes)].flatMap(([number, value]) =>
    number === wanted && typeof value !== "bigint" ? [value] : [],
  );
}

const bytesOf = (bytes: Uint8Array, number: number): Uint8Array => all(bytes, number)[0] ?? new Uint8Array();
const textOf = (bytes: Uint8Array, number: number): string => Buffer.from(bytesOf(bytes, number)).toString("utf8");
const hexOf = (bytes: Uint8Array, number: number): string => Buffer.from(bytesOf(bytes, number)).toString("hex");

function numberOf(bytes: Uint8Array, wanted: number): bigint {
  for (const [number, value] of fields(bytes)) if (number === wanted && typeof value === "bigint") return value;
  return 0n;
}

/** ExportTraceServiceRequest, ResourceSpans, ScopeSpans. */
function readRequest(body: Uint8Array): ReceivedSpan[] {
  return all(body, 1).flatMap((resourceSpans) => {
    const resource = attributes(bytesOf(resourceSpans, 1), 1);
    return all(resourceSpans, 2).flatMap((scopeSpans) => all(scopeSpans, 2).map((span) => readSpan(span, resource)));
  });
}

function readSpan(span: Uint8Array, resource: ReceivedSpan["resource"]): ReceivedSpan {
  return {
    traceId: hexOf(span, 1),
    spanId: hexOf(span, 2),
    parentSpanId: hexOf(span, 4),
    name: textOf(span, 5),
    kind: Number(numberOf(span, 6)),
    durationMs: Number(numberOf(span, 8) - numberOf(span, 7)) / 1e6,
    attributes: attributes(span, 9),
    statusCode: Number(numberOf(bytesOf(span, 15), 3)),
    resource,
  };
}

/** KeyValue and AnyValue, texts and whole numbers of it. */
function attributes(bytes: Uint8Array, number: number): Record<string, string | number> {
  return Object.fromEntries(
    all(bytes, number).map((pair) => {
      const [first] = fields(bytesOf(pair, 2));
      const value = first?.[1] ?? 0n;
      return [textOf(pair, 1), typeof value === "bigint" ? Number(value) : Buffer.from(value).toString("utf8")];
    }),
  );
}
