import { parseFilter } from "./filter.ts";
import { Refusal, violation } from "./refusal.ts";
import { isHidden, type JsonObject, locationOf, type Site, schemaUris, userResource, versionOf } from "./resource.ts";
import { checkNewUser, checkPatch, checkPut } from "./strict.ts";
import type { ScimRecord } from "./types.ts";

/** What is answered; no `json` is an empty body. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: JsonObject;
}

/** GET on the collection. */
export function listUsers(site: Site, query: URLSearchParams): Answer {
  const { quirks, directory } = site;
  const unknown = [...query.keys()].filter((key) => !["filter", "startIndex", "count"].includes(key));
  if (unknown.length > 0) throw violation(`unknown in the query: ${unknown.join(", ")}`);
  const startIndex = wholeNumber(query, "startIndex", 1);
  const count = wholeNumber(query, "count", 0);
  const filter = single(query, "filter");
  const finds = filter === undefined ? () => true : parseFilter(filter, quirks);
  const found = directory.records.filter((record) => !isHidden(site, record.userName) && finds(record));
  if (found.length > (quirks.tooManyAbove ?? found.length)) throw new Refusal(400, "too many results", "tooMany");
  if (quirks.refusesPastEnd === true && startIndex > Math.max(1, found.length)) throw new Refusal(422, "past the end");
  const everything = quirks.ignoresPaging === true || (quirks.repeatsPastEnd === true && startIndex > found.length);
  const size = Math.min(count, quirks.capPage ?? count);
  const page = everything ? found : found.slice(startIndex - 1, startIndex - 1 + size);
  const hasMore = !everything && startIndex - 1 + page.length < found.length;
  const resources = { Resources: page.map((record) => userResource(site, record)) };
  return {
    status: 200,
    json: {
      schemas: [schemaUris.list],
      totalResults: quirks.totalResultsIsPageLength === true ? page.length : found.length,
      startIndex: everything ? 1 : startIndex,
      itemsPerPage: quirks.wrongItemsPerPage === true ? page.length + 18 : page.length,
      ...(quirks.offersCursor === true && hasMore ? { nextCursor: `after-${page.at(-1)?.id}` } : {}),
      ...(quirks.omitsEmptyResources === true && page.length === 0 ? {} : resources),
    },
  };
}

function single(query: URLSearchParams, key: string): string | undefined {
  const values = query.getAll(key);
  if (values.length > 1) throw violation(`${key} is there twice`);
  return values[0];
}

function wholeNumber(query: URLSearchParams, key: string, least: number): number {
  const value = single(query, key);
  if (value === undefined || !/^\d+$/.test(value) || Number(value) < least)
    throw violation(`a list needs ${key} from ${least} on, not ${value}`);
  return Number(value);
}

/** GET by id. */
export function getUser(site: Site, id: string): Answer {
  return showUser(site, find(site, id), 200);
}

function find(site: Site, id: string): ScimRecord {
  const record = site.directory.find(id);
  if (record === undefined || isHidden(site, record.userName)) throw new Refusal(404, `no user ${id}`);
  return record;
}

function showUser(site: Site, record: ScimRecord, status: number, headers?: Record<string, string>): Answer {
  const etag = site.quirks.etagSupported === true ? { etag: versionOf(site, record) } : {};
  return { status, headers: { ...etag, ...headers }, json: userResource(site, record) };
}

/** POST on the collection. */
export function createUser(site: Site, body: JsonObject): Answer {
  const { quirks, directory } = site;
  const user = checkNewUser(body);
  const userName = quirks.lowerCasesUserName === true ? user.userName.toLowerCase() : user.userName;
  const taken = directory.named(userName);
  if (taken !== undefined && quirks.upsert200 === true) {
    directory.change(taken.id, { active: user.active, emails: user.emails, name: user.name }, "request");
    return showUser(site, taken, 200);
  }
  if (taken !== undefined || isHidden(site, userName)) {
    const scimType = quirks.duplicateWithoutScimType === true ? undefined : "uniqueness";
    throw new Refusal(quirks.duplicateStatus ?? 409, "a user with this userName already exists", scimType);
  }
  const record = directory.add({ ...user, userName }, "request");
  const location = quirks.noLocation === true ? undefined : { location: locationOf(site, record) };
  const answer = showUser(site, record, quirks.upsert200 === true ? 200 : 201, location);
  return quirks.emptyCreateBody === true ? { status: answer.status, headers: { ...location } } : answer;
}

/** PATCH by id. */
export function patchUser(site: Site, id: string, body: JsonObject): Answer {
  const { quirks } = site;
  const { active, hasPath } = checkPatch(body);
  if (quirks.patchUnsupported !== undefined) throw new Refusal(quirks.patchUnsupported, "PATCH is not supported");
  const record = find(site, id);
  if (quirks.patchNeedsNoPath === true && hasPath) throw new Refusal(400, "path is not supported", "invalidPath");
  const answer = setActive(site, record, active);
  return quirks.patch204 === true ? { status: 204 } : answer;
}

/** PUT by id. */
export function putUser(site: Site, id: string, body: JsonObject): Answer {
  const record = find(site, id);
  return setActive(site, record, checkPut(body, userResource(site, record)));
}

function setActive(site: Site, record: ScimRecord, active: boolean): Answer {
  if (site.quirks.deletesInactive === true && !active) {
    const answer = showUser(site, { ...record, active }, 200);
    site.directory.remove(record.id, "request");
    return answer;
  }
  return showUser(site, site.directory.change(record.id, { active }, "request"), 200);
}

/** DELETE by id. */
export function deleteUser(site: Site, id: string): Answer {
  const { quirks, directory } = site;
  if (quirks.deleteForbidden !== undefined) throw new Refusal(quirks.deleteForbidden, "DELETE is not supported");
  const record = find(site, id);
  if (quirks.deactivateOnDelete === true) directory.change(record.id, { active: false }, "request");
  else directory.remove(record.id, "request");
  return { status: 204 };
}

/** Compares If-Match with the version, where versions exist; refuses it where the server has said that they do not. */
export function checkIfMatch(site: Site, id: string, ifMatch: string | undefined): void {
  if (ifMatch === undefined) return;
  if (site.quirks.etagSupported !== true && site.quirks.claims?.etag !== true)
    throw violation("If-Match is sent to a server without versions");
  const record = site.directory.find(id);
  if (site.quirks.etagSupported !== true || record === undefined || ifMatch === "*") return;
  if (ifMatch !== versionOf(site, record)) throw new Refusal(412, `user ${id} has another version`);
}

/** GET /ServiceProviderConfig (RFC 7643 section 5). */
export function providerConfig({ quirks }: Site): Answer {
  const { claims = {} } = quirks;
  if (claims.status !== undefined) throw new Refusal(claims.status, "no configuration to see here");
  return {
    status: 200,
    json: {
      schemas: [schemaUris.config],
      patch: { supported: claims.patch ?? quirks.patchUnsupported === undefined },
      bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
      filter: { supported: true, maxResults: claims.maxResults ?? 200 },
      changePassword: { supported: false },
      sort: { supported: false },
      etag: { supported: claims.etag ?? quirks.etagSupported === true },
      authenticationSchemes: [{ type: "oauthbearertoken", name: "Bearer token", description: "A token of the portal" }],
    },
  };
}
