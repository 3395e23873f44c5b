import { type ScimFake, type ScimOptions, startScimServer } from "../scim-server.ts";
import { type JsonObject, schemaUris } from "./resource.ts";
import { isObject } from "./strict.ts";

/** An answer as it came. */
export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body where it is a JSON object, else an empty object. */
  readonly json: JsonObject;
}

/** What is sent beside the method and the path. */
export interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A directory and plain calls to it. */
export interface ScimCaller extends AsyncDisposable {
  readonly scim: ScimFake;
  /** `path` is behind the endpoint. */
  call(method: string, path: string, sent?: Sent): Promise<Got>;
  /** GET on the collection with both paging parameters. */
  list(filter?: string, startIndex?: number, count?: number): Promise<Got>;
  create(userName: string, changes?: JsonObject): Promise<Got>;
  setActive(id: string, active: boolean): Promise<Got>;
  setActiveByValue(id: string, active: boolean): Promise<Got>;
}

/** Starts a directory and calls it with fetch, as a careful client would. */
export async function startCaller(options: ScimOptions = {}): Promise<ScimCaller> {
  const scim = await startScimServer(options);
  const call: ScimCaller["call"] = async (method, path, { body, headers } = {}) => {
    const response = await fetch(scim.endpoint + path, {
      method,
      redirect: "manual",
      headers: {
        accept: "application/scim+json, application/json;q=0.9",
        authorization: `Bearer ${scim.token}`,
        ...(body === undefined ? {} : { "content-type": "application/scim+json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: asObject(text) };
  };
  const patch = (id: string, operation: JsonObject): Promise<Got> =>
    call("PATCH", `/Users/${encodeURIComponent(id)}`, {
      body: { schemas: [schemaUris.patch], Operations: [{ op: "replace", ...operation }] },
    });
  return {
    scim,
    call,
    list(filter, startIndex = 1, count = 100) {
      const query = new URLSearchParams({ startIndex: String(startIndex), count: String(count) });
      if (filter !== undefined) query.set("filter", filter);
      return call("GET", `/Users?${query}`);
    },
    create: (userName, changes) => call("POST", "/Users", { body: { ...newUser(userName), ...changes } }),
    setActive: (id, active) => patch(id, { path: "active", value: active }),
    setActiveByValue: (id, active) => patch(id, { value: { active } }),
    [Symbol.asyncDispose]: () => scim[Symbol.asyncDispose](),
  };
}

function newUser(userName: string): JsonObject {
  return {
    schemas: [schemaUris.user],
    userName,
    name: { givenName: "Ada", familyName: "Byron" },
    emails: [{ value: userName, primary: true }],
    active: true,
  };
}

function asObject(text: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}
