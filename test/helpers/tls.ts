import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/** What a TLS server needs, in PEM. */
export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A private certificate authority that lives as long as the test. */
export interface TestCa {
  readonly caPem: string;
  /** A server certificate for DNS names and IP addresses, valid for a day in both directions unless said otherwise. */
  issue(hosts: readonly string[], validity?: Validity): IssuedCertificate;
}

/** From when until when a certificate holds, in milliseconds since 1970. */
export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Makes a certificate authority (ECDSA P-256, X.509 v3 of RFC 5280). Node signs and verifies but cannot put a
 * certificate together; the few DER structures are written here rather than brought in by a dozen packages.
 */
export function createTestCa(name = "baton-cursor test CA"): Promise<TestCa> {
  const ca = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = nameOf(name);
  const caCert = certificate({
    issuer: subject,
    subject,
    publicKey: ca.publicKey,
    signWith: ca.privateKey,
    extensions: [
      extension("2.5.29.19", sequence(boolean(true)), true), // basicConstraints: CA
      extension("2.5.29.15", bits(0x06), true), // keyUsage: keyCertSign, cRLSign
      extension("2.5.29.14", octets(keyId(ca.publicKey))), // subjectKeyIdentifier
    ],
  });
  return Promise.resolve({
    caPem: caCert,
    issue: (hosts, validity) => issueLeaf({ issuer: subject, key: ca }, hosts, validity),
  });
}

/** A server certificate that nobody but its own key vouches for. */
export function selfSigned(hosts: readonly string[]): IssuedCertificate {
  return issueLeaf(undefined, hosts);
}

interface Authority {
  readonly issuer: Buffer;
  readonly key: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

function issueLeaf(by: Authority | undefined, hosts: readonly string[], validity?: Validity): IssuedCertificate {
  const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = nameOf(hosts[0] ?? "nobody");
  const signer = by?.key ?? own;
  const certPem = certificate({
    issuer: by?.issuer ?? subject,
    subject,
    publicKey: own.publicKey,
    signWith: signer.privateKey,
    ...(validity && { validity }),
    extensions: [
      extension("2.5.29.19", sequence(), true), // basicConstraints: not a CA
      extension("2.5.29.15", bits(0x80), true), // keyUsage: digitalSignature
      extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))), // extKeyUsage: serverAuth
      extension("2.5.29.35", sequence(der(0x80, keyId(signer.publicKey)))), // authorityKeyIdentifier
      extension("2.5.29.17", sequence(...hosts.map(alternativeName))), // subjectAltName
    ],
  });
  return { certPem, keyPem: own.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

interface CertificateParts {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly signWith: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly validity?: Validity;
}

const ecdsaWithSha256 = "1.2.840.10045.4.3.2";
const dayMs = 24 * 60 * 60 * 1000;

function certificate(parts: CertificateParts): string {
  const { fromMs, toMs } = parts.validity ?? { fromMs: Date.now() - dayMs, toMs: Date.now() + dayMs };
  const algorithm = sequence(oid(ecdsaWithSha256));
  const serial = randomBytes(12);
  serial.writeUInt8(1, 0); // a positive number without a leading zero
  const body = sequence(
    der(0xa0, integer(Buffer.of(2))), // version 3
    integer(serial),
    algorithm,
    parts.issuer,
    sequence(time(fromMs), time(toMs)),
    parts.subject,
    spki(parts.publicKey),
    der(0xa3, sequence(...parts.extensions)),
  );
  const signature = sign("sha256", body, parts.signWith);
  const lines = sequence(body, algorithm, der(0x03, Buffer.of(0), signature))
    .toString("base64")
    .replace(/.{64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`;
}

/** One DER value: tag, length, content (ITU-T X.690 section 8.1). */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length < 0x100 ? 2 : 4, "0"), "hex");
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body]);
}

const sequence = (...items: readonly Buffer[]): Buffer => der(0x30, ...items);
const integer = (bytes: Buffer): Buffer => der(0x02, bytes);
const octets = (bytes: Buffer): Buffer => der(0x04, bytes);
const boolean = (value: boolean): Buffer => der(0x01, Buffer.of(value ? 0xff : 0));
const spki = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });
const keyId = (key: KeyObject): Buffer => createHash("sha1").update(spki(key)).digest();

/** A named bit list in one byte; the unused bits at its end are counted. */
function bits(value: number): Buffer {
  const unused = 31 - Math.clz32(value & -value);
  return der(0x03, Buffer.of(unused, value));
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let high = part >> 7; high > 0; high >>= 7) groups.unshift((high & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

/** UTCTime in whole seconds, the form that RFC 5280 demands until 2049. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid("2.5.4.3"), der(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

function alternativeName(host: string): Buffer {
  if (isIP(host) === 4) return der(0x87, Buffer.from(host.split(".").map(Number)));
  if (isIP(host) === 6) return der(0x87, ipv6Bytes(host));
  return der(0x82, Buffer.from(host));
}

function ipv6Bytes(address: string): Buffer {
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = address.includes("::")
    ? [...groups(head), ...Array<string>(missing).fill("0"), ...groups(tail)]
    : groups(head);
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}
