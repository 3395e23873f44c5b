import { X509Certificate } from "node:crypto";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { StatusError } from "../baton/status-error.ts";

/**
 * The certificate authorities that every connection of the process trusts: the system's, and the PEM texts given. One
 * context serves all of them, because each copy of some 150 authorities takes several milliseconds and megabytes.
 * Throws `invalid_argument` when a text cannot be read.
 */
export function createTrust(extraPems: readonly string[]): SecureContext {
  for (const pem of extraPems) checkCertificates(pem);
  const ca = extraPems.length === 0 ? {} : { ca: [...getCACertificates("default"), ...extraPems] };
  return createSecureContext({ minVersion: "TLSv1.2", ...ca });
}

/** OpenSSL passes over what it cannot read, and the connection would fail later without a word about the reason. */
function checkCertificates(text: string): void {
  const blocks = text.match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----[^-]*-----END [A-Z0-9 ]*CERTIFICATE-----/g) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
    if (blocks.length > 0) return;
  } catch {
    // The same answer for a broken certificate as for none at all.
  }
  throw new StatusError(
    "invalid_argument",
    "an extra certificate authority cannot be read: SSL_CERT_FILE must name a file of PEM certificates",
  );
}
