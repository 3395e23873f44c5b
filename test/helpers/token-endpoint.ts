import { once } from "node:events";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import type { PostForm } from "../../src/c1/auth.ts";
import { createTestCa } from "./tls.ts";

export interface TokenAnswer {
  readonly status: number;
  readonly body: string;
}

/** A token endpoint on 127.0.0.1 that says what the test tells it to. */
export interface TokenEndpoint extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Path and form of each request so far. */
  readonly requests: readonly { readonly path: string; readonly form: URLSearchParams }[];
  /** Posts with trust in this endpoint's authority. */
  readonly postForm: PostForm;
  /** What the next requests get; a promise keeps them waiting. */
  answer: (requestNumber: number) => TokenAnswer | Promise<TokenAnswer>;
}

/** A good answer; `over` replaces or (with undefined) removes fields. */
export function tokenAnswer(over: Readonly<Record<string, unknown>> = {}): TokenAnswer {
  const body = { access_token: "token-1", token_type: "bearer", expires_in: 600, ...over };
  return { status: 200, body: JSON.stringify(body) };
}

/** Opens the endpoint; it answers `token-<n>` to the n-th request until told otherwise. */
export async function openTokenEndpoint(): Promise<TokenEndpoint> {
  const ca = await createTestCa();
  const { certPem, keyPem } = ca.issue(["localhost", "127.0.0.1"]);
  const requests: { path: string; form: URLSearchParams }[] = [];
  const server = createServer({ cert: certPem, key: keyPem }, async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    requests.push({ path: incoming.url ?? "", form: new URLSearchParams(Buffer.concat(chunks).toString()) });
    const answer = await endpoint.answer(requests.length);
    response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const endpoint: TokenEndpoint = {
    host: `localhost:${port}`,
    port,
    requests,
    answer: (number) => tokenAnswer({ access_token: `token-${number}` }),
    postForm: createPostForm(ca.caPem),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return endpoint;
}

/** A plain `PostForm` on node:https that trusts `caPem` alone. */
export function createPostForm(caPem: string): PostForm {
  return async (url, form, signal) => {
    const body = new URLSearchParams(form).toString();
    const outgoing = request(url, {
      method: "POST",
      ca: caPem,
      agent: false,
      signal,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "content-length": Buffer.byteLength(body),
        "user-agent": "test",
      },
    });
    outgoing.end(body);
    const [response] = await once(outgoing, "response");
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, body: Buffer.concat(chunks) };
  };
}
