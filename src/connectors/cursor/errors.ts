import { cleanText } from "../../http/clean-text.ts";
import type { HttpResponse } from "../../http/exchange.ts";
import { describeBody, isJsonObject } from "../../http/json.ts";

/** Longest part of Cursor's own words in a message, in UTF-16 units. */
const maxQuotedUnits = 300;

/**
 * What an operator should read when the Admin API refuses a call, or `undefined` where the generic message says it all.
 * The class of a 401 or 403 is told by the text of its body (https://cursor.com/docs/api, "Errors").
 */
export function explainFailure(response: HttpResponse): string | undefined {
  const words = wordsOf(response);
  switch (response.status) {
    case 400:
      return `Cursor rejected the request${quote(words)}`;
    case 401:
      return explainUnauthorized(words.toLowerCase());
    case 403:
      return explainForbidden(response, words.toLowerCase());
    case 404:
      return `${response.host} has no /teams/members at this address: check BATON_CURSOR_BASE_URL (default https://api.cursor.com)`;
    case 429:
      return "Cursor's rate limit is reached; it allows 20 requests per minute to a whole team, so other integrations count too: lower BATON_CURSOR_REQUESTS_PER_MINUTE if this goes on";
    default:
      return response.status >= 300 && response.status <= 399 ? explainRedirect(response) : undefined;
  }
}

function explainUnauthorized(words: string): string {
  if (words.includes("team api key")) {
    return "Cursor says that BATON_CURSOR_API_KEY is not a team key; personal, service-account and organization keys do not work: a team admin creates one with scope admin:* in Cursor's dashboard under API Keys";
  }
  if (words.includes("scope")) {
    return "Cursor knows BATON_CURSOR_API_KEY, but its scope does not allow this: a team admin creates a team key with scope admin:* in Cursor's dashboard under API Keys";
  }
  return "Cursor rejected BATON_CURSOR_API_KEY; it is wrong, revoked or expired: check it for missing characters, or let a team admin create a new team key with scope admin:* in Cursor's dashboard under API Keys";
}

function explainForbidden(response: HttpResponse, words: string): string {
  if (words.includes("enterprise")) {
    return "Cursor accepted BATON_CURSOR_API_KEY, but the team's plan has no Admin API: Cursor offers it on the Enterprise plan only";
  }
  if (isPage(response)) {
    const by = response.headers["cf-ray"] === undefined ? "a proxy or firewall" : "Cursor's network edge";
    return `${by} forbade the request to ${response.host} before BATON_CURSOR_API_KEY was looked at: check that this network may reach Cursor`;
  }
  return "Cursor accepted BATON_CURSOR_API_KEY, but it lacks the permission to list the team: a team admin creates a team key with scope admin:* in Cursor's dashboard under API Keys";
}

function explainRedirect(response: HttpResponse): string {
  return `${response.host} answered with a redirect (HTTP ${response.status}), which is not followed so that the API key goes nowhere else: check BATON_CURSOR_BASE_URL and proxies`;
}

/** The message for a success that is not a member list: a portal's page, or half an answer. */
export function explainNoJson(response: HttpResponse): string {
  const hint = isPage(response) ? "a proxy or portal seems to answer in Cursor's place" : "it may have been cut short";
  return `${response.host} answered the member list with ${describeBody(response)}, which is not valid JSON (${hint}); nothing was synced`;
}

function isPage(response: HttpResponse): boolean {
  return /^text\/html\b/i.test(response.headers["content-type"] ?? "") || /^\s*</.test(beginning(response));
}

/** What the body says, in any of the shapes seen: `message`, else `error`, else `detail`; pages say nothing. */
export function wordsOf(response: HttpResponse): string {
  try {
    const body: unknown = JSON.parse(response.body.toString("utf8"));
    if (!isJsonObject(body)) return "";
    const texts = [body["message"], body["error"], body["detail"]];
    const text = texts.find((each) => typeof each === "string" && each.trim() !== "");
    return typeof text === "string" ? text : "";
  } catch {
    return isPage(response) ? "" : beginning(response);
  }
}

function beginning(response: HttpResponse): string {
  return response.body.toString("utf8", 0, maxQuotedUnits);
}

function quote(words: string): string {
  const text = cleanText(words, maxQuotedUnits);
  return text === "" ? "" : `: ${text}`;
}
