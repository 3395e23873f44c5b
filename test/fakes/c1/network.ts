import type { SecureVersion } from "node:tls";
import { createTestCa, selfSigned, type TestCa } from "../../helpers/tls.ts";
import type { Front, Network } from "./front.ts";
import type { Listener, TlsMode } from "./listener.ts";

/**
 * What the port presents to clients: `untrusted` is signed by somebody else, `self-signed` by its own key, `wrong-host` is for
 * another name, `expired` and `early` are for other times.
 */
export type Certificate = "right" | "untrusted" | "self-signed" | "wrong-host" | "expired" | "early";

/** More things to break between client and server. */
export interface C1Network extends Network {
  /** GOAWAY on every HTTP/2 connection; calls that run may end. Returns what says whether there were any, and all have ended. */
  goAway(): () => boolean;
  /** What connections from now on are offered. */
  present(certificate: Certificate, maxVersion?: SecureVersion): void;
  /** Speaks plain text from now on, like a port without TLS. */
  speakPlaintext(): void;
  /** What clients sent while the port spoke plain text. */
  readonly plaintextReceived: Buffer;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Makes the certificates that the port can present. */
export async function issueCertificates(ca: TestCa): Promise<Readonly<Record<Certificate, TlsMode>>> {
  const stranger = await createTestCa("nobody trusts this one");
  const own = ["localhost", "127.0.0.1"];
  const now = Date.now();
  return {
    right: ca.issue(own),
    untrusted: stranger.issue(own),
    "self-signed": selfSigned(own),
    "wrong-host": ca.issue(["somewhere-else.invalid"]),
    expired: ca.issue(own, { fromMs: now - 2 * dayMs, toMs: now - dayMs }),
    early: ca.issue(own, { fromMs: now + dayMs, toMs: now + 2 * dayMs }),
  };
}

/** Joins what the relay and the listener can break. */
export function createNetwork(
  front: Front,
  listener: Listener,
  certificates: Readonly<Record<Certificate, TlsMode>>,
): C1Network {
  return {
    dropAll: () => front.dropAll(),
    blackHole: () => front.blackHole(),
    corrupt: (end) => front.corrupt(end),
    restore: () => front.restore(),
    refuse: () => front.refuse(),
    accept: () => front.accept(),
    restart: () => front.restart(),
    watch: () => front.watch(),
    get isHolding() {
      return front.isHolding;
    },
    get openConnections() {
      return front.openConnections;
    },
    get totalConnections() {
      return front.totalConnections;
    },
    goAway: () => listener.goAway(),
    present: (which, maxVersion) => listener.setTls({ ...certificates[which], maxVersion }),
    speakPlaintext: () => listener.setTls(undefined),
    get plaintextReceived() {
      return listener.plaintextReceived;
    },
  };
}
