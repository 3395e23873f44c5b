import type { SecureContext } from "node:tls";
import { Client, type ClientOptions, credentials } from "@grpc/grpc-js";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import { type Connections, watchConnections } from "./connections.ts";

export interface C1ChannelOptions {
  /** `host` or `host:port`; the port is 443 when none is given. */
  readonly host: string;
  /** First part of the user agent; grpc-js appends its own. */
  readonly userAgent: string;
  /** The certificate authorities to trust. */
  readonly trust: SecureContext;
  /** An http proxy to tunnel through (CONNECT), with user and password if it wants them. */
  readonly proxy: URL | undefined;
  /** Told when a connection that kept failing is thrown away for a new one. */
  readonly onRecreate?: (() => void) | undefined;
  /** How long a connection that is not needed any more may be silent before it is cut off, in milliseconds (a minute). */
  readonly silenceMs?: number | undefined;
}

/**
 * One long-lived connection to C1. It connects when first used and reconnects by itself; after repeated failures it is
 * thrown away, because a fresh one resolves the host's name anew. Calls under way on the old one may finish.
 */
export interface C1Channel {
  /** For the next call. */
  client(): Client;
  /** Must be told how each call ended. */
  ended(code: StatusCode): void;
  close(): void;
}

/** So many calls in a row without any answer make a connection suspicious. */
const failuresBeforeRecreate = 3;
/**
 * What calls without an answer end with. `internal` is among them because grpc-js keeps a connection that a TLS alert has ended,
 * and fails every call on it with that code; `resource_exhausted`, because that is what becomes of a stream that a server or proxy
 * resets with ENHANCE_YOUR_CALM (RFC 9113 section 7), and one whose memory for this connection is used up does so for good. Where C1
 * itself says it, a new connection does no harm.
 */
const unanswered: ReadonlySet<StatusCode> = new Set([
  "unavailable",
  "deadline_exceeded",
  "internal",
  "resource_exhausted",
]);
/** Longer than pings and their answers are apart while a call runs. */
const longestSilenceMs = 60_000;
const maxReceiveBytes = 4 * 1024 * 1024;

/** Makes a channel without connecting. Throws `invalid_argument` when the proxy is not an http proxy. */
export function createC1Channel(options: C1ChannelOptions): C1Channel {
  const target = `dns:///${hostAndPort(options.host)}`;
  const open = clientFactory(target, options);
  const silenceMs = options.silenceMs ?? longestSilenceMs;
  let { client, connections } = open();
  let failures = 0;
  const close = (): void => {
    client.close();
    connections.endWhenSilent(silenceMs);
  };
  return {
    client: () => client,
    ended(code) {
      failures = unanswered.has(code) ? failures + 1 : 0;
      if (failures < failuresBeforeRecreate) return;
      failures = 0;
      close();
      ({ client, connections } = open());
      options.onRecreate?.();
    },
    close,
  };
}

interface Opened {
  readonly client: Client;
  readonly connections: Connections;
}

function clientFactory(target: string, options: C1ChannelOptions): () => Opened {
  const { trust, proxy } = options;
  // There is no way to switch TLS or its verification off, so a token never travels in the open. Said aloud, because with
  // NODE_TLS_REJECT_UNAUTHORIZED=0 grpc-js would find out only after the handshake, and the error would not name the reason.
  const opened = (address: string, clientOptions: ClientOptions): Opened => {
    const channelCredentials = credentials.createFromSecureContext(trust, { rejectUnauthorized: true });
    const connections = watchConnections(channelCredentials);
    return { client: new Client(address, channelCredentials, clientOptions), connections };
  };
  const channelOptions: ClientOptions = {
    "grpc.primary_user_agent": options.userAgent,
    "grpc.max_receive_message_length": maxReceiveBytes,
    // Pings only while a call runs: servers answer idle pinging with ENHANCE_YOUR_CALM.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.initial_reconnect_backoff_ms": 1000,
    "grpc.max_reconnect_backoff_ms": 10_000,
    // grpc-js would look for a service config in DNS TXT records before each connection.
    "grpc.service_config_disable_resolution": 1,
    // Its transparent retries acknowledge writes that were only buffered, and can lose an acknowledgement altogether;
    // an upload's flow control rests on them. Every call of ours has a retry of its own further out.
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    // A connection that is thrown away must not come back out of a shared pool.
    "grpc.use_local_subchannel_pool": 1,
    // Which proxy to use is decided by our configuration, in either case of the variables' names.
    "grpc.enable_http_proxy": 0,
  };
  if (proxy === undefined) return () => opened(target, channelOptions);
  const through = { ...channelOptions, ...proxyOptions(target, options.host, proxy) };
  return () => opened(`dns:///${proxy.hostname}:${proxy.port || "80"}`, through);
}

/** grpc-js connects to the target, which is the proxy, and asks it for a tunnel to the place named here. */
function proxyOptions(target: string, host: string, proxy: URL): ClientOptions {
  if (proxy.protocol !== "http:") {
    throw new StatusError(
      "invalid_argument",
      `the proxy for C1 has the scheme ${proxy.protocol.slice(0, -1)}: only http proxies can carry gRPC; check HTTPS_PROXY`,
    );
  }
  const login = proxyLogin(proxy);
  return {
    "grpc.http_connect_target": target,
    "grpc.default_authority": hostAndPort(host),
    ...(login === undefined ? {} : { "grpc.http_connect_creds": login }),
  };
}

function proxyLogin({ username, password }: URL): string | undefined {
  if (username === "") return undefined;
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    throw new StatusError(
      "invalid_argument",
      "the proxy's user name or password is not percent-encoded as an address demands; check HTTPS_PROXY",
    );
  }
}

function hostAndPort(host: string): string {
  return /:\d+$/.test(host) ? host : `${host}:443`;
}
