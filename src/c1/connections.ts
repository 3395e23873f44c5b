import type { Socket } from "node:net";
import type { ChannelCredentials } from "@grpc/grpc-js";
import { timeLimit } from "../baton/clock.ts";

/** The TCP connections that a channel has made. */
export interface Connections {
  /**
   * To be called when the channel is closed. Its connections end by themselves when the last call on them has; one that is silent
   * for `silenceMs` is cut off, because nothing is expected of it any more.
   */
  endWhenSilent(silenceMs: number): void;
}

/**
 * Keeps the connections that are made with `credentials`. A session that grpc-js closes waits until the other side has closed too;
 * where that side is gone without a word, or its reset came while Node was writing, the socket would stay open for ever.
 */
export function watchConnections(credentials: ChannelCredentials): Connections {
  const open = new Set<Socket>();
  const createConnector = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...args) => {
    const connector = createConnector(...args);
    const connect = connector.connect.bind(connector);
    connector.connect = (socket) => {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      return connect(socket);
    };
    return connector;
  };
  return {
    endWhenSilent(silenceMs) {
      for (const socket of open) cutWhenSilent(socket, silenceMs);
    },
  };
}

function cutWhenSilent(socket: Socket, silenceMs: number): void {
  const { bytesRead } = socket;
  const silence = timeLimit(silenceMs);
  const close = (): void => silence[Symbol.dispose]();
  socket.once("close", close);
  silence.signal.addEventListener("abort", () => {
    socket.off("close", close);
    if (socket.bytesRead === bytesRead) socket.destroy();
    else cutWhenSilent(socket, silenceMs);
  });
}
