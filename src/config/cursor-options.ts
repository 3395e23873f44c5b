import { StatusError } from "../baton/status-error.ts";
import { option, optional, requiredCredential } from "./option.ts";
import { bool, choice, integer, list, parsedBy, path, secret } from "./value-type.ts";

/**
 * An absolute `https` address without its trailing slash; plain `http` only to the machine itself. User names, queries and
 * fragments are rejected: they would be dropped, or worse, logged. The text is never repeated.
 */
export function parseBaseUrl(text: string): string {
  const hint = "give an address such as https://host/path, without user name, query or fragment";
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "" || /[?#]/.test(text)) {
    throw new StatusError("invalid_argument", `unusable address: ${hint}`);
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new StatusError("invalid_argument", "unencrypted address: use https (plain http is for this machine only)");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

/** What is read from Cursor, and how. */
export const cursorOptions = {
  cursorApiKey: requiredCredential({
    flag: "cursor-api-key",
    group: "Cursor",
    help: "Key of Cursor's Admin API, from the team's dashboard",
    type: secret(),
    secret: true,
    exported: "gui",
    displayName: "API Key",
    placeholder: "key_...",
  }),
  cursorBaseUrl: option({
    flag: "cursor-base-url",
    group: "Cursor",
    help: "Address of the Admin API; plain http only to this machine",
    type: parsedBy(parseBaseUrl, String),
    byDefault: "https://api.cursor.com",
  }),
  cursorRequestsPerMinute: option({
    flag: "cursor-requests-per-minute",
    group: "Cursor",
    help: "Requests to the Admin API per minute; Cursor allows 20 per team and endpoint",
    type: integer(1, 100_000),
    byDefault: 15,
  }),
  cursorMaxBodyMib: option({
    flag: "cursor-max-body-mib",
    group: "Cursor",
    help: "Largest answer of the Admin API that is read, in MiB",
    type: integer(1, 512),
    byDefault: 64,
  }),
  cursorSkipRemoved: option({
    flag: "cursor-skip-removed",
    group: "What is synced",
    help: "Leave out people who were removed from the team, instead of syncing them as disabled",
    type: bool,
    byDefault: false,
  }),
  cursorMaxShrinkPercent: option({
    flag: "cursor-max-shrink-percent",
    group: "What is synced",
    help: "Fall in active members since the last sync that is read twice before it is believed, in percent",
    type: integer(0, 100),
    byDefault: 30,
  }),
  cursorShrinkStrict: option({
    flag: "cursor-shrink-strict",
    group: "What is synced",
    help: "Fail a sync after such a fall even if both readings agree, until it is acknowledged",
    type: bool,
    byDefault: false,
  }),
  cursorShrinkAcknowledged: optional({
    flag: "cursor-shrink-acknowledged",
    group: "What is synced",
    help: "Number of active members that the operator accepts after such a fall",
    type: integer(1, 10_000_000),
  }),
  file: option({
    flag: "file",
    short: "f",
    group: "What is synced",
    help: "File that a one-shot run writes",
    type: path,
    byDefault: "sync.c1z",
    oneShot: true,
  }),
  syncResourceTypes: option({
    flag: "sync-resource-types",
    group: "What is synced",
    help: "Only these resource types; without it, all",
    type: list(["user", "role"]),
    byDefault: [],
  }),
  skipEntitlementsAndGrants: option({
    flag: "skip-entitlements-and-grants",
    group: "What is synced",
    help: "Leave entitlements and grants out",
    type: bool,
    byDefault: false,
    oneShot: true,
  }),
  skipGrants: option({
    flag: "skip-grants",
    group: "What is synced",
    help: "Leave grants out, keep entitlements",
    type: bool,
    byDefault: false,
    oneShot: true,
  }),
  storageEngine: option({
    flag: "storage-engine",
    group: "What is synced",
    help: "Accepted for compatibility: files are always of the SQLite kind (format v1)",
    type: choice(["sqlite", "pebble"]),
    byDefault: "sqlite",
    hidden: true,
  }),
};
