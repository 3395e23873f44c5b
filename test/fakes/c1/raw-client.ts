import { randomBytes } from "node:crypto";
import { request as httpsRequest } from "node:https";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import {
  type CallOptions,
  Client,
  type ClientWritableStream,
  credentials,
  type Deadline,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { CompactSign, importJWK, type JWK } from "jose";
import type { C1Server } from "./api.ts";

type Json = Readonly<Record<string, unknown>>;

/** What to do differently from a right token request. `undefined` in a record removes the member. */
export interface TokenChanges {
  readonly header?: Json;
  readonly claims?: Json;
  readonly form?: Readonly<Record<string, string | undefined>>;
  readonly key?: JWK;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** A client without opinions: it sends what it is told. It shares nothing with the product. */
export interface RawClient extends Disposable {
  /** One request to the token endpoint. */
  requestToken(changes?: TokenChanges): Promise<HttpAnswer>;
  /** A right token, kept for the calls from now on. */
  login(): Promise<void>;
  /** The value of `authorization` for the calls from now on; `undefined` sends none. */
  authorization: string | undefined;
  /** A unary call with these bytes; resolves with the bytes of the answer, rejects with the ServiceError. */
  call(method: string, request: Uint8Array, options?: CallOptions): Promise<Buffer>;
  /** Like `call`, and decodes. */
  callFor<D extends DescMessage>(
    schema: D,
    method: string,
    request: Uint8Array,
    options?: CallOptions,
  ): Promise<MessageShape<D>>;
  /** Streams the messages to UploadAsset; resolves when answered. */
  upload(messages: readonly Uint8Array[], deadline?: Deadline): Promise<Buffer>;
}

const service = "/c1.connectorapi.baton.v1.BatonService/";
const same = (bytes: Buffer): Buffer => bytes;

/** A raw client of `c1`. */
export function createRawClient(c1: Pick<C1Server, "apiHost" | "caPem" | "clientId" | "clientSecret">): RawClient {
  const grpc = new Client(c1.apiHost, credentials.createSsl(Buffer.from(c1.caPem)), {
    "grpc.primary_user_agent": "raw-client",
    "grpc.initial_reconnect_backoff_ms": 100,
  });
  const metadata = (): Metadata => {
    const all = new Metadata();
    if (client.authorization !== undefined) all.set("authorization", client.authorization);
    return all;
  };
  const settle =
    (resolve: (answer: Buffer) => void, reject: (error: unknown) => void) =>
    (error: ServiceError | null, answer?: Buffer): void =>
      error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error);

  const client: RawClient = {
    authorization: undefined,
    requestToken: (changes = {}) => requestToken(c1, changes),
    async login() {
      const { status, body } = await client.requestToken();
      if (status !== 200) throw new Error(`no token: ${status} ${body}`);
      const answer: { access_token: string } = JSON.parse(body);
      client.authorization = `Bearer ${answer.access_token}`;
    },
    call: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        const bytes = Buffer.from(request);
        grpc.makeUnaryRequest(service + method, same, same, bytes, metadata(), options, settle(resolve, reject));
      }),
    callFor: async (schema, method, request, options) =>
      fromBinary(schema, await client.call(method, request, options)),
    upload: (messages, deadline = Date.now() + 10_000) =>
      new Promise((resolve, reject) => {
        const done = settle(resolve, reject);
        const path = `${service}UploadAsset`;
        const stream = grpc.makeClientStreamRequest(path, same, same, metadata(), { deadline }, done);
        stream.on("error", () => undefined);
        writeAll(stream, messages);
      }),
    [Symbol.dispose]: () => grpc.close(),
  };
  return client;
}

function writeAll(stream: ClientWritableStream<Buffer>, messages: readonly Uint8Array[]): void {
  const [next, ...rest] = messages;
  if (next === undefined) stream.end();
  else if (stream.writable) stream.write(Buffer.from(next), () => writeAll(stream, rest));
}

async function requestToken(
  c1: Pick<C1Server, "apiHost" | "caPem" | "clientId" | "clientSecret">,
  changes: TokenChanges,
): Promise<HttpAnswer> {
  const form: Record<string, string | undefined> = {
    client_id: c1.clientId,
    grant_type: "client_credentials",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await signAssertion(c1, changes),
    ...changes.form,
  };
  const body = changes.body ?? new URLSearchParams(Object.entries(form).flatMap(defined)).toString();
  return await new Promise((resolve, reject) => {
    const request = httpsRequest(
      `https://${c1.apiHost}${changes.path ?? "/auth/v1/token"}`,
      {
        method: changes.method ?? "POST",
        ca: c1.caPem,
        agent: false,
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          "content-length": Buffer.byteLength(body),
          "user-agent": "raw-client",
          ...changes.headers,
        },
      },
      (response) => {
        response.setEncoding("utf8");
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

async function signAssertion(c1: Pick<C1Server, "clientId" | "clientSecret">, changes: TokenChanges): Promise<string> {
  const jwk: JWK = changes.key ?? JSON.parse(Buffer.from(c1.clientSecret.split(":")[3] ?? "", "base64url").toString());
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: c1.clientId,
    sub: c1.clientId,
    aud: (c1.clientId.split("@")[1] ?? "").replace(/(:\d+)?\/.*$/, ""),
    exp: now + 120,
    nbf: now - 120,
    iat: now,
    ...changes.claims,
  };
  const header = { alg: "EdDSA", nonce: randomBytes(16).toString("hex"), ...changes.header };
  return await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader(header)
    .sign(await importJWK(jwk, "EdDSA"));
}

function defined([name, value]: [string, string | undefined]): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}
