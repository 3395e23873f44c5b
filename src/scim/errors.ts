import { StatusError } from "../baton/status-error.ts";
import { cleanText } from "../http/clean-text.ts";
import type { HttpResponse } from "../http/exchange.ts";
import { describeBody, isJsonObject } from "../http/json.ts";
import { urns } from "./schema.ts";

/** What the operator calls the settings of this server, for messages. */
export interface SettingNames {
  readonly endpoint: string;
  readonly token: string;
  readonly requestsPerMinute: string;
}

/** What an error answer says (RFC 7644 section 3.12), in whatever shape the server puts it. */
interface ScimProblem {
  /** One of the RFC's words such as `uniqueness`; empty when missing. */
  readonly scimType: string;
  /** The server's own words, not yet fit for a message; may be empty. */
  readonly words: string;
}

/** Longest part of the server's own words in a message, in UTF-16 units. */
const maxQuotedUnits = 200;

/** Reads an error answer. Never throws: JSON of any shape, plain text and pages are all seen in the wild. */
function readProblem(response: HttpResponse): ScimProblem {
  const text = response.body.toString("utf8", 0, 8192);
  if (isPage(response, text)) return { scimType: "", words: "" };
  try {
    const body: unknown = JSON.parse(response.body.toString("utf8"));
    if (!isJsonObject(body)) return { scimType: "", words: typeof body === "string" ? body : "" };
    const said = [body["detail"], body["message"], body["error_description"], body["error"]];
    const words = said.find((each) => typeof each === "string" && each.trim() !== "");
    const scimType = body["scimType"];
    return {
      scimType: typeof scimType === "string" ? scimType : "",
      words: typeof words === "string" ? words : "",
    };
  } catch {
    return { scimType: "", words: text };
  }
}

/** Whether a refused create means that such a user is there already; servers use 409, or 400 with a word of it. */
export function saysDuplicate(response: HttpResponse): boolean {
  if (response.status === 409) return true;
  const { scimType, words } = readProblem(response);
  return scimType === "uniqueness" || /already|exists|unique|duplicate/i.test(words);
}

/** Whether a refusal means that the server has no such operation, rather than that we may not use it. */
export function saysUnsupported(response: HttpResponse): boolean {
  if (response.status === 405 || response.status === 501) return true;
  // "You are not allowed to" is about the token.
  return (
    response.status === 403 && /not (be )?(supported|implemented)|method not allowed/i.test(readProblem(response).words)
  );
}

/** Whether a 404 or 410 is about the resource, rather than about a route that the server does not have: then it has SCIM's form. */
export function deniesResource(response: HttpResponse): boolean {
  if (response.status === 410) return true;
  try {
    const body: unknown = JSON.parse(response.body.toString("utf8"));
    const schemas = isJsonObject(body) ? body["schemas"] : undefined;
    return Array.isArray(schemas) && schemas.includes(urns.error);
  } catch {
    return false;
  }
}

/** Messages for error answers, in words of the operator's settings. */
export function createExplain(names: SettingNames): (response: HttpResponse, operation: string) => string {
  return (response, operation) => {
    const { host, status } = response;
    switch (status) {
      case 401:
        return `the SCIM server at ${host} rejected ${names.token}; it is wrong, expired or was replaced: create a new token in the directory's SCIM settings`;
      case 403:
        return `the SCIM server at ${host} accepted ${names.token}, but does not let it ${verbOf(operation)}${quote(response)}: give it the right to manage users`;
      case 429:
        return `the SCIM server at ${host} asks for fewer requests: lower ${names.requestsPerMinute} if this goes on`;
      default:
        return status >= 300 && status <= 399
          ? `the SCIM server at ${host} answered with a redirect (HTTP ${status}): check ${names.endpoint}`
          : `the SCIM server at ${host} answered HTTP ${status} when asked to ${verbOf(operation)}${quote(response)}`;
    }
  };
}

/** The endpoint itself is not there: a 404 for the list of users never means that a user is missing. */
export function wrongEndpoint({ host }: HttpResponse, names: SettingNames): StatusError {
  return new StatusError(
    "failed_precondition",
    `the SCIM server at ${host} has no users at the configured address (HTTP 404): check ${names.endpoint}; it must be the address that the directory's SCIM settings show`,
  );
}

/** A success that is not what a SCIM server answers, for example the page of a portal. */
export function notScim(response: HttpResponse, names: SettingNames): StatusError {
  const hint = isPage(response, response.body.toString("utf8", 0, 256))
    ? "a web page or a portal seems to answer there"
    : "it may have been cut short";
  return new StatusError(
    "internal",
    `${response.host} answered with ${describeBody(response)}, which is not valid JSON (${hint}): check ${names.endpoint}`,
  );
}

function isPage(response: HttpResponse, text: string): boolean {
  return /^text\/html\b/i.test(response.headers["content-type"] ?? "") || /^\s*<(!doctype|html)/i.test(text);
}

/** The server's own words in brackets after a blank, fit for a message; empty where it says nothing. */
export function quote(response: HttpResponse): string {
  // An address in a quoted URL is one too.
  const words = cleanText(readProblem(response).words.replaceAll("%40", "@"), maxQuotedUnits);
  return words === "" ? "" : ` (it says: ${words})`;
}

const verbs: Readonly<Record<string, string>> = {
  service_provider_config: "describe itself",
  list_users: "list users",
  get_user: "read a user",
  create_user: "create a user",
  patch_user: "change a user",
  replace_user: "replace a user",
  delete_user: "delete a user",
};

function verbOf(operation: string): string {
  return verbs[operation] ?? operation;
}
