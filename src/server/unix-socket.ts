import { chmodSync, lstatSync, mkdirSync, realpathSync, type Stats, statSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";

/** What fits into the address of a Unix socket on Linux, without its closing zero; the system would cut a longer one unsaid. */
const PATH_BYTES_MAX = 107;

/**
 * Has `server` listen on a Unix socket (mode 0600) at `path`, in a folder that is ours alone; that is made when missing. A socket on
 * which nobody listens any more is replaced.
 *
 * @throws CoordinatorError `REFUSED` when the path is too long, others may use its folder, or it is taken
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_BYTES_MAX)
    throw refused(
      `the path of a socket may have ${PATH_BYTES_MAX} bytes, and ${path} has ${bytes}: name a shorter one with --socket-path`,
    );
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(folder);
  if (uid !== process.geteuid?.() || (mode & 0o077) !== 0)
    throw refused(
      `the folder of the socket, ${folder}, must be yours alone (its mode is ${(mode & 0o777).toString(8)}): chmod 700 it, or name another one with --socket-path`,
    );
  refuseMovable(folder);
  await removeStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(refused(`cannot listen on ${path}: ${cause.message}`, cause)));
    server.listen(path, resolve); // Until its mode is set, the folder keeps others out.
  });
  chmodSync(path, 0o600);
}

/** Who may rename a folder on the way to the socket can put one of their own in its place, and gets the token of who asks there. */
function refuseMovable(folder: string): void {
  for (let above = dirname(realpathSync(folder)); ; above = dirname(above)) {
    const { uid, gid, mode } = statSync(above);
    const isOwn = uid === process.geteuid?.() || uid === 0;
    const others = gid === process.getegid?.() ? 0o002 : 0o022; // Many systems give each user a group of their own.
    const isSticky = (mode & 0o1000) !== 0;
    if (!isOwn || ((mode & others) !== 0 && !isSticky))
      throw refused(
        `other users may replace what lies in ${above}, and with it the folder of the socket: name one elsewhere with --socket-path`,
      );
    if (above === dirname(above)) return;
  }
}

async function removeStale(path: string): Promise<void> {
  const found: Stats | undefined = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw refused(`${path} is no socket: move it away, or name another path with --socket-path`);
  if (await isListening(path))
    throw refused(`somebody listens on ${path} already: stop that one first, or name another path with --socket-path`);
  unlinkSync(path);
}

/** Anything but a plain refusal is taken for a living listener: its socket is not ours to remove. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("error", (error) => end(systemErrorCode(error) !== "ECONNREFUSED"));
  });
}

function refused(message: string, cause?: unknown): CoordinatorError {
  return new CoordinatorError("REFUSED", message, { cause });
}
