import { StatusError } from "../baton/status-error.ts";

/** The usual proxy variables (HTTP_PROXY, HTTPS_PROXY, NO_PROXY in either case); unset or empty means none. */
export interface ProxySettings {
  /** Proxy for `http:` addresses. */
  readonly httpProxy?: string | undefined;
  /** Proxy for `https:` addresses. */
  readonly httpsProxy?: string | undefined;
  /** Hosts that are reached directly, separated by commas or blanks. */
  readonly noProxy?: string | undefined;
}

/**
 * The proxy that `url` is reached through, or `undefined` for a direct connection. The machine itself is always direct.
 * NO_PROXY is read as Go's `httpproxy` package reads it: `*` is everything, `example.com` is that host and all below it,
 * `.example.com` and `*.example.com` only those below, `host:port` only that port; networks (CIDR) are not supported.
 * Throws `invalid_argument` when the proxy's address cannot be used; the message never repeats it, it may hold a password.
 */
export function resolveProxy(url: URL, settings: ProxySettings): URL | undefined {
  const secure = url.protocol === "https:";
  const address = (secure ? settings.httpsProxy : settings.httpProxy)?.trim() ?? "";
  if (address === "" || isLoopback(url.hostname) || isExempt(url, settings.noProxy ?? "")) return undefined;
  const proxy = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`);
  if (proxy === null || (proxy.protocol !== "http:" && proxy.protocol !== "https:")) {
    const name = secure ? "HTTPS_PROXY" : "HTTP_PROXY";
    throw new StatusError("invalid_argument", `${name} is not a usable proxy address: give http://host:port`);
  }
  return proxy;
}

/** Whether a URL's host name (IPv6 in brackets) is this machine by name or address. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function isExempt(url: URL, noProxy: string): boolean {
  const host = bareHost(url.hostname);
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => entry === "*" || matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  const { name, port: onlyPort } = splitPort(entry.toLowerCase());
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const suffix = name.replace(/^\*\./, ".");
  if (suffix.startsWith(".")) return host.endsWith(suffix);
  return host === suffix || host.endsWith(`.${suffix}`);
}

/** Splits `host:port`, `[v6]:port` and bare hosts; an IPv6 address without brackets has no port. */
function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  const withPort = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry);
  return withPort === null
    ? { name: bareHost(entry), port: undefined }
    : { name: bareHost(withPort[1] ?? ""), port: withPort[2] };
}

function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
}
