import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { seedSecret } from "../../helpers/canaries.ts";
import { answerExchange, createFaultScript, type FaultAnswer, type Reply } from "../fault-answer.ts";
import { type Assertion, AssertionFault, verifyAssertion } from "./assertion.ts";
import type { Clients } from "./clients.ts";
import type { ClientIdentity } from "./credentials.ts";
import type { C1Hook } from "./hook.ts";
import type { Recorder } from "./recorder.ts";

/** One request to the token endpoint. */
export interface TokenRequest {
  readonly atMs: number;
  readonly userAgent: string;
  /** The client that asked, once it was found to be who it says. */
  readonly clientId: string | undefined;
  /** Header and claims, once the assertion was found right. */
  readonly assertion: Assertion | undefined;
  /** The HTTP status of the answer; `undefined` while there is none, or when it was withheld. */
  readonly status: number | undefined;
  /** The scripted answer that it got. */
  readonly fault: FaultAnswer | undefined;
  /** Whether everything that it says has happened. */
  readonly played: boolean;
}

/** Verbs for the token endpoint. Each `next` verb applies to as many requests as `times` says (1), in order of the calls. */
export interface TokenControl {
  /** Lifetime told to the client, seconds; `undefined` leaves the member out (the token then lives 10 minutes). */
  expiresIn: number | undefined;
  /** How long tokens really live, seconds, whatever the client is told. Default: as it is told. */
  lives: number | undefined;
  /** `token_type` of the answer; `undefined` leaves the member out. */
  tokenType: string | undefined;
  /** HTTP status of the answer to a client that was revoked (401). */
  revokedStatus: number;
  /** Answers with this HTTP status and no token. */
  failNext(status: number, times?: number, headers?: Readonly<Record<string, string>>): void;
  /** Answers 200 with this body as it is. */
  answerNext(body: string, times?: number): void;
  /** Takes the request and never answers. */
  hangNext(times?: number): void;
  /** Takes the request and breaks the connection. */
  dropNext(times?: number): void;
  /** Lays out any other answers to right requests. */
  script(...answers: readonly FaultAnswer[]): void;
  /** Forgets what is left of what was laid out. */
  clearScript(): void;
  /** Makes every token issued so far worthless. */
  revokeAll(): void;
  readonly requests: readonly TokenRequest[];
  /** The most requests that were open at once. */
  readonly maxConcurrent: number;
}

/** The token endpoint: issues tokens for right assertions and knows which are valid. */
export interface TokenEndpoint {
  readonly control: TokenControl;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** What is wrong with an `authorization` value: `missing`, `scheme`, `invalid` (unknown, expired or revoked). */
  fault(authorization: string | undefined): "missing" | "scheme" | "invalid" | undefined;
  /** The client to whom this token was issued, valid or not. */
  clientOf(authorization: string | undefined): string | undefined;
}

interface Issued {
  readonly clientId: string;
  readonly scheme: string;
  readonly validUntilMs: number;
}

const formFields = ["client_assertion", "client_assertion_type", "client_id", "grant_type"];
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const maxBodyBytes = 64 * 1024;
const defaultLifetimeSeconds = 600;

/** What the endpoint has to know of the server that it belongs to. */
export interface TokenSurroundings {
  /** Resets the connection of a client's port; false when there is none any more. */
  drop(peerPort: number): boolean;
  hook(): C1Hook | undefined;
}

/** Creates the endpoint of these clients. */
export function createTokenEndpoint(
  clients: Clients,
  recorder: Recorder,
  { drop, hook }: TokenSurroundings,
): TokenEndpoint {
  const tokens = new Map<string, Issued>();
  const usedNonces = new Set<string>();
  const scripted = createFaultScript();
  const requests: { -readonly [K in keyof TokenRequest]: TokenRequest[K] }[] = [];
  let open = 0;
  let maxConcurrent = 0;

  const script = (answer: FaultAnswer, times = 1): void => scripted.add([{ ...answer, times }]);
  const control: TokenControl = {
    expiresIn: defaultLifetimeSeconds,
    lives: undefined,
    tokenType: "Bearer",
    revokedStatus: 401,
    failNext: (status, times, headers = {}) => script({ status, headers, body: '{"error":"scripted"}' }, times),
    answerNext: (body, times) => script({ body }, times),
    hangNext: (times) => script({ hang: true }, times),
    dropNext: (times) => script({ reset: true }, times),
    script: (...answers) => scripted.add(answers),
    clearScript: () => scripted.clear(),
    revokeAll: () => tokens.clear(),
    requests,
    get maxConcurrent() {
      return maxConcurrent;
    },
  };

  function issue(clientId: string): string {
    const token = randomBytes(24).toString("base64url");
    seedSecret("access token of C1", token);
    const lifetimeMs = 1000 * (control.lives ?? control.expiresIn ?? defaultLifetimeSeconds);
    const validUntilMs = performance.now() + lifetimeMs;
    tokens.set(token, { clientId, scheme: schemeOf(control.tokenType), validUntilMs });
    return JSON.stringify({ access_token: token, token_type: control.tokenType, expires_in: control.expiresIn });
  }

  /** What a wrong request or a revoked client is answered; `undefined` for everybody else. */
  async function refuse(request: IncomingMessage, record: (typeof requests)[number]): Promise<Reply | undefined> {
    let clientId: string;
    try {
      const { client, jws } = readForm(request, await readBody(request), clients);
      seedSecret("signature of a client assertion", jws.split(".")[2] ?? "");
      record.assertion = await verifyAssertion(jws, client, usedNonces, Math.floor(Date.now() / 1000));
      clientId = client.clientId;
      record.clientId = clientId;
    } catch (reason) {
      if (!(reason instanceof AssertionFault)) throw reason;
      recorder.violation("token", "request", reason.message);
      scripted.take("POST", "/auth/v1/token");
      return reply(401, '{"error":"invalid_client"}');
    }
    if (clients.revocation(clientId) === undefined) return undefined;
    return reply(control.revokedStatus, '{"error":"invalid_client"}');
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record: (typeof requests)[number] = {
      atMs: performance.now(),
      userAgent: request.headers["user-agent"] ?? "",
      clientId: undefined,
      assertion: undefined,
      status: undefined,
      fault: undefined,
      played: false,
    };
    requests.push(record);
    open += 1;
    maxConcurrent = Math.max(maxConcurrent, open);
    recorder.touch();
    response.once("close", () => {
      open -= 1;
    });
    const breakOff = (): boolean => drop(request.socket.remotePort ?? 0);
    if ((await hook()?.({ name: "token" }, "received")) === "drop") return void breakOff();
    const refusal = await refuse(request, record);
    if (refusal === undefined) record.fault = scripted.take("POST", "/auth/v1/token");
    await answerExchange({
      request,
      response,
      fault: record.fault,
      async work() {
        const right = refusal ?? reply(200, issue(record.clientId ?? ""));
        return (await hook()?.({ name: "token" }, "done")) === "drop" ? undefined : right;
      },
      onStatus(status) {
        record.status = status;
        recorder.emit({ type: "token", status });
      },
      onPlayed() {
        record.played = true;
      },
      drop: breakOff,
    });
  }

  function fault(authorization: string | undefined): "missing" | "scheme" | "invalid" | undefined {
    if (authorization === undefined) return "missing";
    const [scheme, token, ...rest] = authorization.split(" ");
    const issued = tokens.get(token ?? "");
    if (issued === undefined || rest.length > 0 || issued.validUntilMs <= performance.now()) return "invalid";
    if (clients.revocation(issued.clientId) === "at once") return "invalid";
    return scheme === issued.scheme ? undefined : "scheme";
  }

  return {
    control,
    handle,
    fault,
    clientOf: (authorization) => tokens.get(authorization?.split(" ")[1] ?? "")?.clientId,
  };
}

function reply(status: number, body: string): Reply {
  return { status, headers: { "content-type": "application/json" }, body: [body] };
}

/** The scheme that a client has to use for a `token_type`. */
function schemeOf(tokenType: string | undefined): string {
  return tokenType === undefined || tokenType === "" || tokenType.toLowerCase() === "bearer" ? "Bearer" : tokenType;
}

/** Returns the assertion of a right request and who it is of; throws `AssertionFault` otherwise. */
function readForm(
  request: IncomingMessage,
  body: string,
  clients: Clients,
): { readonly client: ClientIdentity; readonly jws: string } {
  demand(request.url === "/auth/v1/token", `path is ${request.url}`);
  demand(request.method === "POST", `method is ${request.method}`);
  const { headers } = request;
  demand(headers["content-type"] === "application/x-www-form-urlencoded", `content-type is ${headers["content-type"]}`);
  demand(headers.authorization === undefined, "there is an authorization header");
  demand(headers["dpop"] === undefined, "there is a DPoP header");
  demand((headers["user-agent"] ?? "") !== "", "there is no user-agent header");
  const form = new URLSearchParams(body);
  const names = [...form.keys()].sort();
  demand(names.join() === formFields.join(), `form fields are ${names}, not ${formFields}`);
  const client = clients.get(form.get("client_id") ?? "");
  if (client === undefined) throw new AssertionFault(`client_id is ${form.get("client_id")}`);
  demand(form.get("grant_type") === "client_credentials", `grant_type is ${form.get("grant_type")}`);
  demand(form.get("client_assertion_type") === assertionType, "client_assertion_type is wrong");
  return { client, jws: form.get("client_assertion") ?? "" };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new AssertionFault("the body is larger than 64 KiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function demand(condition: boolean, message: string): void {
  if (!condition) throw new AssertionFault(message);
}
