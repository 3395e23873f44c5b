import type { IncomingHttpHeaders } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { Refusal, violation } from "./refusal.ts";
import { type JsonObject, schemaUris } from "./resource.ts";
import type { ScimEmail, ScimOptions } from "./types.ts";

const scimJson = "application/scim+json";

/** Refuses headers that a careful client does not send. */
export function checkHeaders(headers: IncomingHttpHeaders, method: string, options: ScimOptions): void {
  if (!admitsScim(headers.accept)) throw violation(`Accept does not admit ${scimJson}: ${headers.accept}`, "", 406);
  const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  if (method === "GET" || method === "DELETE") {
    if (hasBody && headers["content-length"] !== "0") throw violation(`${method} with a body`, "invalidSyntax");
    return;
  }
  const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== scimJson && type !== "application/json") throw violation(`Content-Type is ${type}`, "", 415);
  if (options.acceptOnlyJson === true) {
    if (type === scimJson) throw new Refusal(415, "send application/json");
    return;
  }
  if (type !== scimJson && options.strictContentType !== false) throw violation(`Content-Type is ${type}`, "", 415);
}

function admitsScim(accept: string | undefined): boolean {
  const ranges = (accept ?? "").split(",").map((range) => range.trim().toLowerCase().replace(/\s/g, ""));
  return ranges.some((range) => {
    const [type = "", ...parameters] = range.split(";");
    return [scimJson, "application/*", "*/*"].includes(type) && !parameters.some((each) => /^q=0(\.0*)?$/.test(each));
  });
}

/** The body as a JSON object. */
export function parseBody(text: string): JsonObject {
  const parsed = parseJson(text);
  if (!isObject(parsed)) throw violation("the body is no JSON object", "invalidSyntax");
  return parsed;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw violation("the body is no JSON", "invalidSyntax");
  }
}

/** A JSON object that is no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What POST may carry, read and checked. */
export interface NewUser {
  readonly userName: string;
  readonly active: boolean;
  readonly emails: readonly ScimEmail[];
  readonly name: Readonly<Record<string, string>>;
}

/** Checks the body of a POST against the attributes that every server takes. */
export function checkNewUser(body: JsonObject): NewUser {
  onlyKeys(body, ["schemas", "userName", "name", "emails", "active"], "the user");
  if (!isDeepStrictEqual(body["schemas"], [schemaUris.user])) throw violation("schemas is not the user schema alone");
  const name = body["name"] ?? {};
  if (!isObject(name)) throw violation("name is no object");
  onlyKeys(name, ["givenName", "familyName"], "name");
  const { active } = body;
  if (active !== undefined && typeof active !== "boolean") throw violation("active is no boolean");
  const emails = checkEmails(body["emails"]);
  for (const each of emails) onlyKeys(each, ["value", "primary", "type"], "an e-mail");
  return {
    userName: checkUserName(body["userName"]),
    active: active ?? true,
    emails: emails.map(({ value, primary, type }) => ({
      value,
      primary: primary === true,
      ...(type === undefined ? {} : { type: nonEmpty(type, "the type of an e-mail") }),
    })),
    name: Object.fromEntries(Object.entries(name).map(([key, value]) => [key, nonEmpty(value, `name.${key}`)])),
  };
}

function checkUserName(value: unknown): string {
  const userName = nonEmpty(value, "userName");
  if (userName !== userName.trim()) throw violation("userName has white space around it");
  return userName;
}

function nonEmpty(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "") throw violation(`${what} is no text, or empty`);
  return value;
}

interface SentEmail extends JsonObject {
  readonly value: string;
  readonly primary?: unknown;
  readonly type?: unknown;
}

function checkEmails(value: unknown): readonly SentEmail[] {
  if (!Array.isArray(value)) throw violation("emails is no list");
  const emails = value.map((each: unknown): SentEmail => {
    if (!isObject(each)) throw violation("an e-mail is no object");
    const address = nonEmpty(each["value"], "the value of an e-mail");
    if (!/^\S+@\S+$/.test(address)) throw violation("an e-mail is no address");
    return { ...each, value: address };
  });
  const primary = emails.filter((each) => each.primary === true).length;
  if (primary !== 1) throw violation(`${primary} e-mails are primary, not one`);
  return emails;
}

function onlyKeys(value: JsonObject, known: readonly string[], what: string): void {
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw violation(`${what} has ${unknown.join(", ")}`);
}

/** Checks a PATCH: one replacement of `active`, with a path or by value. */
export function checkPatch(body: JsonObject): { readonly active: boolean; readonly hasPath: boolean } {
  onlyKeys(body, ["schemas", "Operations"], "the PATCH");
  if (!isDeepStrictEqual(body["schemas"], [schemaUris.patch])) throw violation("schemas is not PatchOp alone");
  const operations = body["Operations"];
  if (!Array.isArray(operations) || operations.length !== 1) throw violation("there is not one operation");
  const operation: unknown = operations[0];
  if (!isObject(operation)) throw violation("the operation is no object");
  onlyKeys(operation, ["op", "path", "value"], "the operation");
  const { op, path, value } = operation;
  if (op !== "replace") throw violation(`op is ${JSON.stringify(op)}`);
  if (path !== undefined && path !== "active") throw violation(`path is ${JSON.stringify(path)}`, "invalidPath");
  const hasPath = path !== undefined;
  if (!hasPath && isObject(value)) onlyKeys(value, ["active"], "the value");
  const active = hasPath ? value : isObject(value) ? value["active"] : undefined;
  if (typeof active !== "boolean") throw violation("active is no boolean");
  return { active, hasPath };
}

/** Checks a PUT against the resource as the client has read it: everything stays but `active`. */
export function checkPut(body: JsonObject, current: JsonObject): boolean {
  const { active, ...rest } = body;
  if (typeof active !== "boolean") throw violation("active is no boolean");
  for (const [key, value] of Object.entries(rest)) {
    if (!(key in current)) throw violation(`PUT brings ${key}`);
    if (!isDeepStrictEqual(value, current[key])) throw violation(`PUT changes ${key}`, "mutability");
  }
  const lost = Object.keys(current).filter((key) => !(key in body) && !["id", "meta", "groups"].includes(key));
  if (lost.length > 0) throw violation(`PUT loses ${lost.join(", ")}`);
  return active;
}
