import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** The network between the client and the fake, to break at will. */
export interface Network {
  /** Resets every open connection (TCP RST). */
  dropAll(): void;
  /** Stops carrying bytes in both directions without closing anything; new connections are accepted and go nowhere. */
  blackHole(): void;
  /** Damages every open connection: bytes that belong to nothing arrive at this end or at both, and TLS notices. */
  corrupt(end: "client" | "server" | "both"): void;
  /** Ends a black hole: what was held back is delivered. */
  restore(): void;
  /** Refuses new connections (the port is closed). Open ones live on. */
  refuse(): void;
  /** Opens the port again after `refuse`. */
  accept(): Promise<void>;
  /** Resets everything, closes the port, opens it again: a server that restarts and keeps what it knows. */
  restart(): Promise<void>;
  /** Watches the connections that are open now. */
  watch(): Watched;
  /** Whether the black hole holds anything back: bytes of an open connection, or a connection that leads nowhere. */
  readonly isHolding: boolean;
  readonly openConnections: number;
  readonly totalConnections: number;
}

/** The connections that were open at one moment. */
export interface Watched {
  readonly count: number;
  /** Whether there were any, and all of them have ended since. */
  haveEnded(): boolean;
}

interface Pair {
  readonly outer: Socket;
  inner: Socket | undefined;
}

/** A TCP relay on 127.0.0.1: a public port in front of an inner one. */
export interface Front extends Network {
  readonly port: number;
  /** Resets the connection whose inner side has this port; false when there is none. */
  dropByPeerPort(peerPort: number): boolean;
  close(): void;
}

/** A TLS record of application data (RFC 8446, section 5.1) that no key has made. */
const noise = Buffer.concat([Buffer.of(23, 3, 3, 0, 64), Buffer.alloc(64, 0xa5)]);

/** Opens the relay; `innerPort` is asked for each connection. */
export async function openFront(innerPort: () => number): Promise<Front> {
  const pairs = new Set<Pair>();
  let blackHole = false;
  let total = 0;

  function join(pair: Pair): void {
    const inner = connect({ port: innerPort(), host: "127.0.0.1", noDelay: true });
    pair.inner = inner;
    carry(pair.outer, inner);
    carry(inner, pair.outer);
    inner.on("error", () => pair.outer.destroy());
  }

  function carry(from: Socket, to: Socket): void {
    from.pipe(to);
    from.on("close", () => to.destroySoon());
  }

  function onConnection(outer: Socket): void {
    total += 1;
    const pair: Pair = { outer, inner: undefined };
    pairs.add(pair);
    outer.setNoDelay(true);
    outer.on("error", () => pair.inner?.destroy());
    outer.on("close", () => {
      pairs.delete(pair);
      pair.inner?.destroy();
    });
    if (blackHole) outer.pause();
    else join(pair);
  }

  function reset({ outer, inner }: Pair): void {
    // A socket that is being shut down can not be reset: libuv refuses, and the handle would stay open for ever.
    if (outer.writableEnded) outer.destroy();
    else outer.resetAndDestroy();
    inner?.destroy();
  }

  let server = await listen(0, onConnection);
  const port = (server.address() as AddressInfo).port;
  const front: Front = {
    port,
    dropAll: () => pairs.forEach(reset),
    dropByPeerPort(peerPort) {
      const found = [...pairs].filter(({ inner }) => inner?.localPort === peerPort);
      for (const pair of found) reset(pair);
      return found.length > 0;
    },
    blackHole() {
      blackHole = true;
      for (const { outer, inner } of pairs) {
        if (inner === undefined) continue;
        outer.unpipe(inner).pause();
        inner.unpipe(outer).pause();
      }
    },
    corrupt(end) {
      for (const { outer, inner } of pairs) {
        if (end !== "server") outer.write(noise);
        if (end !== "client") inner?.write(noise);
      }
    },
    restore() {
      // Bytes that are carried already must not be carried twice.
      if (!blackHole) return;
      blackHole = false;
      for (const pair of pairs) {
        if (pair.inner === undefined) join(pair);
        else {
          pair.outer.pipe(pair.inner);
          pair.inner.pipe(pair.outer);
        }
      }
    },
    refuse() {
      if (server.listening) server.close();
    },
    async accept() {
      if (!server.listening) server = await listen(port, onConnection);
    },
    async restart() {
      front.refuse();
      front.dropAll();
      await front.accept();
    },
    close() {
      front.refuse();
      front.dropAll();
    },
    watch() {
      const open = [...pairs];
      return { count: open.length, haveEnded: () => open.length > 0 && open.every((pair) => !pairs.has(pair)) };
    },
    get isHolding() {
      const holds = ({ inner, outer }: Pair): boolean =>
        inner === undefined || outer.readableLength > 0 || inner.readableLength > 0;
      return blackHole && [...pairs].some(holds);
    },
    get openConnections() {
      return pairs.size;
    },
    get totalConnections() {
      return total;
    },
  };
  return front;
}

async function listen(port: number, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onConnection).listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}
