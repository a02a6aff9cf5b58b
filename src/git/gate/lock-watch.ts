import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";

/** Removes our locks when we have died, so that the user's next command of git does not find them. */
export interface LockWatch {
  /** Starts the watch unless it is there. */
  begin(): void;
  /** Ends it; what it watches over is removed. */
  end(): void;
}

/**
 * Reads until its input ends, which happens when our process does, however it ends. Then each lock goes that is the same file as its
 * token (two names of one inode): one of somebody else's never is. Some 0.2 MB of its own, 1.7 MB with what all shells share.
 */
const SCRIPT = `
read -r _
folder=$1; shift
left=$#
while [ "$left" -gt 1 ]; do
  token=$1; lock=$2; left=$((left - 2)); shift 2
  if [ "$token" -ef "$lock" ]; then set -- "$@" "$lock"; fi
  set -- "$@" "$token"
done
rm -f -- "$@"
rmdir -- "$folder"
`;

/**
 * @param folder holds the tokens; removed at the end
 * @param pairs token and lock, absolute
 */
export function createLockWatch(folder: string, pairs: readonly (readonly [token: string, lock: string])[]): LockWatch {
  let child: ChildProcess | undefined;
  return {
    begin() {
      if (child !== undefined) return;
      // In a session of its own: a signal to our process group must not end it before it has done its work.
      const started = spawn("sh", ["-c", SCRIPT, "codex-inbox-locks", folder, ...pairs.flat()], {
        env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
        cwd: "/",
        detached: true,
        stdio: ["pipe", "ignore", "ignore"],
      });
      const gone = (): void => {
        if (child === started) child = undefined;
      };
      started.on("error", gone); // Without it a lock stays until the next start, as it does after a loss of power.
      started.on("exit", gone);
      started.stdin?.on("error", gone);
      started.unref();
      if (started.stdin instanceof Socket) started.stdin.unref(); // There is none where no file descriptors are left.
      child = started;
    },
    end() {
      child?.stdin?.end();
      child = undefined;
    },
  };
}
