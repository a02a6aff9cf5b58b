import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Repository } from "../repository/repository.ts";
import { hasLiveOwner } from "./locks.ts";

/** Names for files that are written aside and renamed into place. What a crash leaves is removed at the next start. */
export interface TemporaryFiles {
  /** Returns a new name in the state folder, which is made again where somebody has removed it. */
  newPath(purpose: string): string;
  /** Removes everything that has such a name. */
  clear(): void;
  /** Tells whether a rename from the state folder into the work tree works, as far as is known: both are on one file system. */
  reachesWorkTree(): boolean;
  /** A rename has failed: from now on it does not. */
  cannotReach(): void;
}

let counter = 0;

export function createTemporaryFiles(repository: Repository, stateDir: string): TemporaryFiles {
  const folder = join(stateDir, "tmp");
  const clear = (): void => {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
  };
  if (hasLiveOwner(stateDir)) mkdirSync(folder, { recursive: true });
  else clear();
  let reaches = statSync(folder).dev === statSync(repository.topDir).dev;
  return {
    newPath(purpose) {
      counter += 1;
      if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
      return join(folder, `${purpose}-${process.pid}-${counter}`);
    },
    clear,
    reachesWorkTree: () => reaches,
    cannotReach() {
      reaches = false;
    },
  };
}
