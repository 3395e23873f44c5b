import { StatusError } from "../baton/status-error.ts";
import { isJsonObject } from "../http/json.ts";
import { readJson, type ScimCalls } from "./calls.ts";
import type { SettingNames } from "./errors.ts";

/** What a server says about itself, as far as it matters (RFC 7643 section 5). Claims can be wrong: what it does counts. */
export interface ServiceProviderConfig {
  readonly patch: boolean;
  readonly etag: boolean;
  /** Largest page; `undefined` when nothing is said. */
  readonly maxResults: number | undefined;
}

/**
 * What the call is named. Its answer says nothing about the token: some servers describe themselves to everybody (as RFC 7643
 * section 5 recommends), others to nobody.
 */
export const discoveryOperation = "service_provider_config";

/** What is assumed of a server that does not describe itself. */
const unknown: ServiceProviderConfig = { patch: true, etag: false, maxResults: undefined };

/**
 * Reads the description. It is optional: a server that has none, or does not show it, is taken as an ordinary one. Rejects
 * only when the server cannot be reached, and on abort.
 */
export async function readServiceProviderConfig(
  calls: ScimCalls,
  names: SettingNames,
  signal: AbortSignal,
): Promise<ServiceProviderConfig> {
  try {
    return await calls.send(
      {
        operation: discoveryOperation,
        method: "GET",
        path: "/ServiceProviderConfig",
        // It fails at this alone for as long as one likes: not worth waiting for.
        expect: [500],
        decode: (response) => (response.status === 500 ? unknown : parse(readJson(response, names))),
      },
      signal,
    );
  } catch (reason) {
    const { code } = StatusError.from(reason);
    if (signal.aborted || code === "unavailable" || code === "deadline_exceeded") throw reason;
    return unknown;
  }
}

function parse(value: unknown): ServiceProviderConfig {
  if (!isJsonObject(value)) return unknown;
  const filter = isJsonObject(value["filter"]) ? value["filter"] : {};
  const maxResults = filter["maxResults"];
  return {
    patch: isSupported(value["patch"]) ?? unknown.patch,
    etag: isSupported(value["etag"]) ?? unknown.etag,
    maxResults:
      typeof maxResults === "number" && Number.isSafeInteger(maxResults) && maxResults > 0 ? maxResults : undefined,
  };
}

function isSupported(feature: unknown): boolean | undefined {
  if (!isJsonObject(feature)) return undefined;
  return typeof feature["supported"] === "boolean" ? feature["supported"] : undefined;
}
