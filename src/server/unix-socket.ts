import { chmodSync, lstatSync, mkdirSync, type Stats, statSync, unlinkSync } from "node:fs";
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
  await removeStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(refused(`cannot listen on ${path}: ${cause.message}`, cause)));
    server.listen(path, resolve); // Until its mode is set, the folder keeps others out.
  });
  chmodSync(path, 0o600);
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
