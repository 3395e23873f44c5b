import { StatusError } from "../baton/status-error.ts";

/** Codes of OpenSSL and Node for a certificate that does not verify (node:tls, X509 certificate error codes). */
const certificateCodes: ReadonlySet<string> = new Set([
  "CERT_CHAIN_TOO_LONG",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Those of them that a missing authority explains. */
const authorityCodes = /SELF_SIGNED|UNABLE_TO|UNTRUSTED/;

/**
 * What a request that got no whole answer is reported as: time-outs are `deadline_exceeded`, an unknown host is
 * `unavailable` like every other failure of the network or of TLS, our own mistakes are `internal`.
 * `host` and `proxy` (both `host` or `host:port`) appear in the message. The thrown thing itself is not kept as the cause,
 * because HTTP libraries hang the request onto their errors, credentials and all.
 */
export function transportError(thrown: unknown, host: string, proxy: string | undefined): StatusError {
  const code = codeOf(thrown);
  const cause = new Error(code ?? (thrown instanceof Error ? thrown.name : typeof thrown));
  const via = proxy === undefined ? "" : ` through the proxy ${proxy}`;
  const fail = (status: "unavailable" | "deadline_exceeded" | "invalid_argument" | "internal", text: string) =>
    new StatusError(status, text, { cause });

  if (code === undefined || /^ERR_(INVALID|UNESCAPED|MISSING|GOT_REQUEST)/.test(code)) {
    return fail("internal", `the request to ${host} could not be built: this is a fault of the connector`);
  }
  if (certificateCodes.has(code)) {
    const hint = authorityCodes.test(code)
      ? "if a private authority or an inspecting proxy signed it, name its PEM file in SSL_CERT_FILE"
      : "look at the certificate and at this machine's clock";
    return fail("unavailable", `the TLS certificate of ${host} cannot be verified (${code}): ${hint}`);
  }
  if (code === "ERR_PROXY_TUNNEL") return fail(...tunnelFailure(thrown, host, via));
  if (code === "ETIMEDOUT" || code === "ESOCKETTIMEDOUT") {
    return fail(
      "deadline_exceeded",
      `connecting to ${host}${via} took too long: check that the address can be reached`,
    );
  }
  return fail("unavailable", connectionFailure(code, host, proxy));
}

function connectionFailure(code: string, host: string, proxy: string | undefined): string {
  const via = proxy === undefined ? "" : ` through the proxy ${proxy}`;
  switch (code) {
    case "ENOTFOUND":
      // A name server that is down for a moment says the same of every host.
      if (proxy === undefined) return `there is no host called ${host}: check the address and the name server`;
      return `there is no host called like the proxy ${proxy}: check its address in HTTPS_PROXY, and the name server`;
    case "ECONNREFUSED":
      if (proxy === undefined) return `${host} refused the connection: check the address, firewalls and proxies`;
      return `the proxy ${proxy} refused the connection: check its address in HTTPS_PROXY, and that it runs`;
    case "EPROTO":
      // OpenSSL gave up: in practice an old version on the other side, or a port without TLS.
      return `no TLS connection to ${host}${via} (EPROTO): check that the port speaks TLS, and TLS 1.2 or newer`;
    default:
      return `the connection to ${host}${via} failed (${code})`;
  }
}

function tunnelFailure(thrown: unknown, host: string, via: string): ["unavailable" | "deadline_exceeded", string] {
  const text = thrown instanceof Error ? thrown.message : "";
  const status = /HTTP\/1\.\d (\d{3})/.exec(text)?.[1];
  if (status === undefined && text.includes("timed out")) {
    return ["deadline_exceeded", `no tunnel to ${host}${via}: the proxy did not answer in time`];
  }
  const hint = status === "407" ? "put its user name and password into HTTPS_PROXY" : "check that it allows this host";
  return ["unavailable", `no tunnel to ${host}${via}${status === undefined ? "" : ` (HTTP ${status})`}: ${hint}`];
}

function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
