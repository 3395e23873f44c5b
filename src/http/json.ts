import { StatusError } from "../baton/status-error.ts";
import type { HttpResponse } from "./exchange.ts";

/**
 * The body as JSON, whatever type it is labelled as. Throws `internal` naming type and size when it is something else, for
 * example a portal's page or half an answer; never its text.
 */
export function decodeJson(response: HttpResponse): unknown {
  try {
    const text = response.body.toString("utf8");
    return JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text);
  } catch {
    // The parser's own error quotes the body, so it is no cause to keep.
    throw new StatusError(
      "internal",
      `${response.host} answered with ${describeBody(response)}, which is not valid JSON`,
    );
  }
}

/** Type and size of a body, for messages. */
export function describeBody(response: HttpResponse): string {
  const type = /^[\w.+-]{1,60}\/[\w.+-]{1,60}/.exec(response.headers["content-type"] ?? "")?.[0] ?? "an unnamed type";
  return `${type} of ${response.body.length} bytes`;
}

/** Whether a value is an object with named fields: not null, not an array. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
