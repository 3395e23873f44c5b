import { type StatusCode, StatusError, statusCodeName } from "../baton/status-error.ts";
import { oneLine } from "../wire/text.ts";

/** How a call ended that did not end well, as gRPC tells it. */
export interface RpcStatus {
  readonly code: number;
  readonly details: string;
}

/** Longest part of a server's own words that we pass on, in bytes. */
const maxDetailsBytes = 300;

/**
 * One clean line about a failed call: which one, to which host, what gRPC said, what to do next. The server's words are
 * cut, put on one line, and freed of anything that looks like an e-mail address or a token.
 */
export function rpcError(method: string, host: string, status: RpcStatus, deadlineMs?: number): StatusError {
  const code = codeOf(status);
  const said = cleanDetails(status.details);
  const what = said === "" ? "" : `: ${said}`;
  return new StatusError(code, `${method} at ${host} failed with ${code}${what}; ${nextStep(code, said, deadlineMs)}`);
}

function codeOf({ code, details }: RpcStatus): StatusCode {
  const name = statusCodeName(code);
  // A call that failed cannot have ended with OK.
  if (name === "ok") return "internal";
  // grpc-js says so when the stream was reset from outside, as a server or proxy does that goes away. Where we cancelled
  // ourselves nobody reads this.
  return name === "cancelled" && details === "Call cancelled" ? "unavailable" : name;
}

/** Words of another program, fit for a log and for C1. */
export function cleanDetails(details: string): string {
  const safe = details
    // Invisible as the others, but white space for a regular expression.
    .replaceAll("\ufeff", "\u200b")
    // What nobody sees may stand before a token, and within one: it becomes a blank at the end only.
    .replace(/\b(bearer|basic|mac)[\s\p{C}]+\S+/giu, "$1 [redacted]")
    .replace(/secret-token:\S+/gi, "[redacted]")
    // Looked for from the beginning of a word only: from each of its letters would take seconds for a long one.
    .replace(/(?<![^\s"'<>()])[^\s"'<>()]+@[^\s"'<>()]+/g, "[redacted]")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]+/gu, " ");
  return oneLine(safe, maxDetailsBytes);
}

const certificateWords = /certificate|self-signed|altnames|CERT_|handshake|wrong version number|alert /i;

function nextStep(code: StatusCode, details: string, deadlineMs: number | undefined): string {
  switch (code) {
    case "unavailable":
      return certificateWords.test(details)
        ? "the TLS certificate was not accepted: if a proxy or private CA stands in between, name its PEM file in SSL_CERT_FILE"
        : "check that the host can be reached from here (DNS, firewall, HTTPS_PROXY)";
    case "deadline_exceeded": {
      const within = deadlineMs === undefined ? "" : ` within ${Math.ceil(deadlineMs / 1000)} s`;
      return `there was no answer${within}: check the network in between (firewall, HTTPS_PROXY)`;
    }
    case "unauthenticated":
      return "check BATON_CLIENT_ID and BATON_CLIENT_SECRET: were they rotated or revoked in C1?";
    case "permission_denied":
      return "check in C1 that the connector still exists and that this credential belongs to it";
    case "unimplemented":
      return "the host does not offer this call: check that it is a C1 tenant";
    case "resource_exhausted":
      return "C1 limits us, or its answer is larger than 4 MiB";
    case "invalid_argument":
      return "C1 found the request invalid: please report it with this line";
    default:
      return "C1's own log says more";
  }
}
