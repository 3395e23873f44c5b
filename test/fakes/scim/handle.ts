import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Reply } from "../fault-answer.ts";
import { Refusal, violation } from "./refusal.ts";
import { type Site, schemaUris } from "./resource.ts";
import { checkHeaders, parseBody } from "./strict.ts";
import type { ScimOptions } from "./types.ts";
import * as users from "./users.ts";

/** What one request is answered from. */
export interface Desk extends Site {
  readonly options: ScimOptions;
  /** Tokens that are accepted. */
  readonly tokens: readonly string[];
  readonly violations: string[];
}

/** Does what a request asks for, or refuses it; what no careful client sends is written down as well. */
export function handle(desk: Desk, request: IncomingMessage, text: string): Reply {
  try {
    return toReply(desk, route(desk, request, text));
  } catch (error) {
    const refusal = error instanceof Refusal ? error : violation(`the stand-in failed: ${error}`, "", 500);
    if (refusal.violation) desk.violations.push(`${request.method} ${request.url}: ${refusal.message}`);
    return errorReply(desk, refusal);
  }
}

function route(desk: Desk, request: IncomingMessage, text: string): users.Answer {
  const { method = "", headers } = request;
  const url = new URL(request.url ?? "/", desk.url);
  if (!desk.tokens.some((token) => headers.authorization === `Bearer ${token}`)) {
    throw new Refusal(401, "the token is not valid");
  }
  if (!url.pathname.startsWith(`${desk.basePath}/`)) throw new Refusal(404, "no such directory");
  checkHeaders(headers, method, desk.options);
  const [resource = "", id, ...more] = url.pathname.slice(desk.basePath.length + 1).split("/");
  if (resource === "ServiceProviderConfig" && id === undefined && method === "GET") return users.providerConfig(desk);
  if (resource !== "Users" || id === "" || more.length > 0) throw violation("no such resource", "", 404);
  if (id === undefined) {
    if (method === "GET") return users.listUsers(desk, url.searchParams);
    if (url.search !== "") throw violation("a query where none belongs");
    if (method === "POST") return users.createUser(desk, parseBody(text));
    throw violation(`${method} on the collection`, "", 405);
  }
  if (url.search !== "") throw violation("a query where none belongs");
  return routeUser(desk, request, decodeURIComponent(id), text);
}

function routeUser(desk: Desk, { method = "", headers }: IncomingMessage, id: string, text: string): users.Answer {
  if (method === "GET") return users.getUser(desk, id);
  users.checkIfMatch(desk, id, headers["if-match"]);
  if (method === "PATCH") return users.patchUser(desk, id, parseBody(text));
  if (method === "PUT") return users.putUser(desk, id, parseBody(text));
  if (method === "DELETE") return users.deleteUser(desk, id);
  throw violation(`${method} on a user`, "", 405);
}

function toReply({ quirks }: Desk, { status, headers, json }: users.Answer): Reply {
  if (json === undefined) return { status, ...(headers === undefined ? {} : { headers }) };
  const body = JSON.stringify(json);
  const hash = createHash("sha1").update(body).digest("base64").slice(0, 27);
  const etag = quirks.bodyHashEtag === true ? { etag: `W/"${body.length.toString(16)}-${hash}"` } : {};
  return { status, headers: { "content-type": "application/scim+json", ...etag, ...headers }, body: [body] };
}

function errorReply({ quirks }: Desk, { status, message, scimType }: Refusal): Reply {
  const challenge = status === 401 ? { "www-authenticate": 'Bearer realm="scim"' } : {};
  if (quirks.plainTextErrors === true)
    return { status, headers: { "content-type": "text/plain; charset=utf-8", ...challenge }, body: [message] };
  const body = {
    schemas: [schemaUris.error],
    status: String(status),
    ...(scimType === undefined || scimType === "" ? {} : { scimType }),
    detail: message,
  };
  const type = quirks.errorsAsJson === true ? "application/json" : "application/scim+json";
  return { status, headers: { "content-type": type, ...challenge }, body: [JSON.stringify(body)] };
}
