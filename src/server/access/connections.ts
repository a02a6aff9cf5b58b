import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HttpLimits } from "./limits.ts";

export interface Connections {
  /** Takes in a connection on which nothing was said yet. `turnAway` answers it, now or later, where there is no room for it. */
  enter(socket: Socket, turnAway: () => void): void;
  /** Its first request may ask: it is kept until that is answered. */
  pass(socket: Socket): void;
  /** Keeps the connection of a request until that is answered. */
  hold(socket: Socket, response: ServerResponse): void;
  /** Ends them all. */
  destroy(): void;
}

/**
 * Keeps a server's connections within its limits: one more ends the oldest that has no request under way which may ask, so that neither
 * connections on which nothing is said nor requests without the token keep anybody out. Where all have one, the new one is ended. Whoever
 * has not been heard yet is answered before; only of those that are being answered too many are cut off without a word.
 */
export function boundConnections({
  connections,
  turnedAway,
}: Pick<HttpLimits, "connections" | "turnedAway">): Connections {
  /** How each is ended that has no such request, the oldest first. */
  const idle = new Map<Socket, () => void>();
  /** The number of requests under way. */
  const busy = new Map<Socket, number>();
  const leaving = new Set<Socket>();
  return {
    enter(socket, turnAway) {
      socket.once("close", () => {
        for (const group of [idle, busy, leaving]) group.delete(socket);
      });
      idle.set(socket, turnAway);
      if (idle.size + busy.size <= connections) return;
      const [[oldest, end] = [socket, turnAway]] = idle;
      idle.delete(oldest);
      leaving.add(oldest);
      end();
      const [first] = leaving;
      if (leaving.size > turnedAway) first?.destroy();
    },
    pass(socket) {
      idle.delete(socket);
      busy.set(socket, 0);
    },
    hold(socket, response) {
      idle.delete(socket);
      busy.set(socket, (busy.get(socket) ?? 0) + 1);
      response.once("close", () => {
        const left = (busy.get(socket) ?? 1) - 1;
        if (left > 0) busy.set(socket, left);
        else {
          busy.delete(socket);
          // Between two requests a client expects that it may be closed.
          if (!socket.destroyed) idle.set(socket, () => socket.destroy());
        }
      });
    },
    destroy() {
      for (const socket of [...idle.keys(), ...busy.keys(), ...leaving]) socket.destroy();
    },
  };
}
