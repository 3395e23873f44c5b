import { X509Certificate } from "node:crypto";
import * as http from "node:http";
import * as https from "node:https";
import { createSecureContext, getCACertificates } from "node:tls";
import { StatusError } from "../baton/status-error.ts";
import { type ProxySettings, resolveProxy } from "./proxy.ts";

export interface TransportOptions {
  /** Value of the User-Agent header. */
  readonly userAgent: string;
  readonly proxy: ProxySettings;
  /** PEM texts of certificate authorities that are trusted besides the built-in ones and NODE_EXTRA_CA_CERTS. */
  readonly extraCertificates: readonly string[];
  /** Milliseconds for a connection to stand, TLS and a proxy's tunnel included step by step. */
  readonly connectTimeoutMs: number;
}

/** How HTTP connections are made: one for all clients of the process. */
export interface Transport {
  readonly userAgent: string;
  readonly connectTimeoutMs: number;
  /** The connections to use for `url`. Throws `invalid_argument` when the configured proxy cannot be used. */
  route(url: URL): Route;
  /** Closes idle connections; those in use close when their answer ends. */
  close(): void;
}

export interface Route {
  readonly agents: { readonly http: http.Agent; readonly https: https.Agent };
  /** `host:port` of the proxy in between, for messages. */
  readonly proxy: string | undefined;
}

/** Makes a transport without any connection yet. Throws `invalid_argument` when an extra certificate cannot be read. */
export function createTransport(options: TransportOptions): Transport {
  const tls = {
    // Also when NODE_TLS_REJECT_UNAUTHORIZED says otherwise: verification cannot be switched off.
    rejectUnauthorized: true,
    ...(options.extraCertificates.length === 0 ? {} : { secureContext: trustAlso(options.extraCertificates) }),
  };
  const routes = new Map<string, Route>();

  function open(proxy: URL | undefined): Route {
    const proxyEnv = proxy === undefined ? undefined : { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href };
    // Node applies this time-out to idle connections and to the proxy's answer to CONNECT, not to a pending answer.
    const settings = { keepAlive: true, timeout: options.connectTimeoutMs, ...(proxyEnv && { proxyEnv }) };
    return {
      agents: { http: new http.Agent(settings), https: new https.Agent({ ...settings, ...tls }) },
      proxy: proxy?.host,
    };
  }

  return {
    userAgent: options.userAgent,
    connectTimeoutMs: options.connectTimeoutMs,
    route(url) {
      const proxy = resolveProxy(url, options.proxy);
      const key = proxy?.href ?? "";
      const known = routes.get(key);
      if (known !== undefined) return known;
      const route = open(proxy);
      routes.set(key, route);
      return route;
    },
    close() {
      for (const { agents } of routes.values()) {
        agents.http.destroy();
        agents.https.destroy();
      }
      routes.clear();
    },
  };
}

/** One context for all connections: reading some 150 authorities again for each would take several milliseconds. */
function trustAlso(extra: readonly string[]): ReturnType<typeof createSecureContext> {
  for (const text of extra) checkCertificates(text);
  return createSecureContext({ ca: [...getCACertificates("default"), ...extra] });
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
