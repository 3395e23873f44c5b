import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { isIP } from "node:net";
import { connect, type SecureContext, type TLSSocket } from "node:tls";
import type { Clock } from "../../baton/clock.ts";
import { untilAborted } from "../../baton/shared-reading.ts";
import { exchange } from "../../http/exchange.ts";
import { isLoopback, type ProxySettings, resolveProxy } from "../../http/proxy.ts";
import type { Transport } from "../../http/transport.ts";
import { attempt, type Finding, failed, good, skipped, warning } from "./finding.ts";

export interface NetworkDeps {
  readonly transport: Transport;
  readonly trust: SecureContext;
  readonly proxy: ProxySettings;
  readonly clock: Clock;
}

/** A service that the connector speaks to. */
export interface Place {
  /** As people call it: C1, Cursor, SCIM directory. */
  readonly name: string;
  readonly url: URL;
  /** Whether an unauthorised request for `/` may be sent for the date in its answer; C1 shows by its token what it thinks of the clock. */
  readonly tellsTime: boolean;
}

const limits = { totalTimeoutMs: 10_000, maxBodyBytes: 1024 * 1024 };
const dayMs = 24 * 60 * 60_000;
const soonMs = 14 * dayMs;
/** C1 accepts assertions that are this far off; beyond it every token request fails. */
const noticeableMs = 30_000;
const fatalMs = 4 * 60_000;

/** Name, TLS and clock of one service, each step only if the one before it worked. An abort ends the step under way as failed. */
export function checkPlace(place: Place, deps: NetworkDeps, signal: AbortSignal): Promise<readonly Finding[]> {
  return attempt(`${place.name}: proxy`, () => checkSteps(place, deps, signal));
}

async function checkSteps(place: Place, deps: NetworkDeps, signal: AbortSignal): Promise<readonly Finding[]> {
  const { name, url } = place;
  const proxy = resolveProxy(url, deps.proxy);
  if (proxy !== undefined) {
    const through = skipped(`${name}: name and TLS`, `through the proxy ${proxy.host}, which looks up the name itself`);
    return [through, ...(await attempt(`${name}: clock`, () => checkClock(place, deps, signal)))];
  }
  const named = await attempt(`${name}: name`, () => checkName(place, signal));
  if (named.some(({ status }) => status === "failed")) return named;
  const secured = await attempt(`${name}: TLS`, () => checkTls(place, deps, signal));
  if (secured.some(({ status }) => status === "failed")) return [...named, ...secured];
  return [...named, ...secured, ...(await attempt(`${name}: clock`, () => checkClock(place, deps, signal)))];
}

/** As sockets and name servers take it: an IPv6 address without brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

async function checkName({ name, url }: Place, signal: AbortSignal): Promise<readonly Finding[]> {
  const host = hostOf(url);
  try {
    const addresses = await untilAborted(lookup(host, { all: true }), signal);
    return [good(`${name}: name`, `${host} has ${addresses.length} address(es)`)];
  } catch (reason) {
    const code = reason instanceof Error && "code" in reason ? String(reason.code) : "unknown error";
    return [
      failed(
        `${name}: name`,
        `${host} is not found (${code})`,
        "check the address, the name server and the network policy",
      ),
    ];
  }
}

async function checkTls(
  { name, url }: Place,
  { clock, trust }: NetworkDeps,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (url.protocol !== "https:") {
    return [skipped(`${name}: TLS`, isLoopback(url.hostname) ? "plain HTTP on this machine" : "plain HTTP")];
  }
  const host = hostOf(url);
  // A server name is never an address (RFC 6066 section 3); an address is looked for in the certificate all the same.
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = connect({ host, ...servername, port: Number(url.port || 443), secureContext: trust });
  const timeout = AbortSignal.timeout(limits.totalTimeoutMs);
  try {
    await once(socket, "secureConnect", { signal: AbortSignal.any([signal, timeout]) });
    return [certificateFinding(name, socket, clock)];
  } catch (reason) {
    if (timeout.aborted) {
      return [failed(`${name}: TLS`, "no answer within 10 s", "check firewalls and the network policy")];
    }
    const code = reason instanceof Error && "code" in reason ? String(reason.code) : "unknown error";
    return [failed(`${name}: TLS`, `no connection to ${url.host} (${code})`, tlsFix(code))];
  } finally {
    socket.destroy();
  }
}

/** What to do about a connection that did not come about, by Node's code for it. */
function tlsFix(code: string): string {
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return "whoever runs this host has to renew its certificate; if others accept it, set this machine's clock";
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "the certificate is for another name: check the address, and whether a proxy answers in its place";
  }
  if (/CERT|SIGNED|ISSUER|VERIFY/.test(code)) {
    return "if a private authority or an inspecting proxy signed it, name its PEM file in SSL_CERT_FILE (chart: certificateAuthority)";
  }
  return "check firewalls, proxies and the network policy";
}

function certificateFinding(name: string, socket: TLSSocket, clock: Clock): Finding {
  const leftMs = Date.parse(socket.getPeerCertificate().valid_to) - clock.nowMs();
  const detail = `${socket.getProtocol() ?? "TLS"}, certificate good for ${Math.floor(leftMs / dayMs)} days`;
  return leftMs < soonMs
    ? warning(`${name}: TLS`, detail, "it ends soon: whoever runs this host has to renew it")
    : good(`${name}: TLS`, detail);
}

async function checkClock(place: Place, deps: NetworkDeps, signal: AbortSignal): Promise<readonly Finding[]> {
  const { clock, transport } = deps;
  if (!place.tellsTime) return [];
  const { name, url } = place;
  const response = await exchange({ url: new URL("/", url), method: "GET", headers: {} }, transport, limits, signal);
  const theirs = Date.parse(response.headers.date ?? "");
  if (Number.isNaN(theirs)) return [skipped(`${name}: clock`, "its answer has no date")];
  const offMs = clock.nowMs() - theirs;
  const detail = `this machine's clock is ${Math.abs(Math.round(offMs / 1000))} s ${offMs < 0 ? "behind" : "ahead of"} it`;
  const fix = "set the clock of the node (NTP); C1 rejects what is signed in its future or past";
  if (Math.abs(offMs) >= fatalMs) return [failed(`${name}: clock`, detail, fix)];
  return [Math.abs(offMs) >= noticeableMs ? warning(`${name}: clock`, detail, fix) : good(`${name}: clock`, detail)];
}
