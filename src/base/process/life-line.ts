import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { systemErrorCode } from "../errors.ts";

/** A socket's path has room for 108 bytes. */
const PATH_BYTES_MAX = 100;

/** A listening socket in a folder: the kernel knows whether its process lives, also for whoever has other process ids. */
export interface LifeLine {
  /** Its name in the folder; `undefined` where there cannot be one (a long path, a file system without sockets). */
  readonly name: string | undefined;
  close(): void;
}

/** Opens the socket `name` in `dir`. Resolves once it listens. */
export function openLifeLine(dir: string, name: string): Promise<LifeLine> {
  const path = join(dir, name);
  const none: LifeLine = { name: undefined, close: () => undefined };
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) return Promise.resolve(none);
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(none));
    server.listen(path, () => {
      server.unref();
      const close = (): void => {
        server.close();
        rmSync(path, { force: true });
      };
      resolve({ name, close });
    });
  });
}

/**
 * Asks whether the process behind a socket lives. "unknown" where the socket is gone or may not be asked.
 *
 * Right only for a folder of this kernel that is mounted once: elsewhere a socket that somebody listens to looks abandoned.
 */
export function probeLifeLine(dir: string, name: string): Promise<"alive" | "gone" | "unknown"> {
  return new Promise((resolve) => {
    const socket = connect(join(dir, name));
    socket.once("connect", () => {
      socket.destroy();
      resolve("alive");
    });
    socket.once("error", (error) => {
      const code = systemErrorCode(error);
      resolve(code === "ECONNREFUSED" ? "gone" : code === "EAGAIN" ? "alive" : "unknown"); // EAGAIN: it listens, and is busy.
    });
  });
}
