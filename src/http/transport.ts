import * as http from "node:http";
import * as https from "node:https";
import type { SecureContext } from "node:tls";
import { type ProxySettings, resolveProxy } from "./proxy.ts";

export interface TransportOptions {
  /** Value of the User-Agent header. */
  readonly userAgent: string;
  readonly proxy: ProxySettings;
  /** The certificate authorities to trust. */
  readonly trust: SecureContext;
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

/** Makes a transport without any connection yet. */
export function createTransport(options: TransportOptions): Transport {
  const tls = {
    // Also when NODE_TLS_REJECT_UNAUTHORIZED says otherwise: verification cannot be switched off.
    rejectUnauthorized: true,
    secureContext: options.trust,
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
