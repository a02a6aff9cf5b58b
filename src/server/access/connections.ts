import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Keeps the connections of `server` at `max`: one more ends the oldest that has no request under way which may ask, so that neither
 * connections on which nothing is said nor requests without the token keep anybody out. Where all have one, the new one is ended.
 */
export function boundConnections(
  server: Server,
  max: number,
): { hold(socket: Socket, response: ServerResponse): void } {
  let count = 0;
  /** The oldest first. */
  const idle = new Set<Socket>();
  const requests = new Map<Socket, number>();
  server.on("connection", (socket: Socket) => {
    count += 1;
    socket.once("close", () => {
      idle.delete(socket);
      count -= 1;
    });
    const [oldest = socket] = idle;
    idle.add(socket);
    if (count <= max) return;
    idle.delete(oldest);
    oldest.destroy();
  });
  return {
    /** Keeps the connection of a request until that is answered. */
    hold(socket, response) {
      idle.delete(socket);
      requests.set(socket, (requests.get(socket) ?? 0) + 1);
      response.once("close", () => {
        const left = (requests.get(socket) ?? 1) - 1;
        if (left > 0) requests.set(socket, left);
        else {
          requests.delete(socket);
          if (!socket.destroyed) idle.add(socket);
        }
      });
    },
  };
}
