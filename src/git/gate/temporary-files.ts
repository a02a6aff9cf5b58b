import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Repository } from "../repository/repository.ts";
import { hasLiveOwner } from "./locks.ts";

/** Names for files that are written aside and renamed into place. What a crash leaves is removed at the next start. */
export interface TemporaryFiles {
  /** Returns a new name in the state folder. */
  newPath(purpose: string): string;
  /** Tells whether a rename from the state folder into the work tree works, as far as is known: both are on one file system. */
  reachesWorkTree(): boolean;
  /** A rename has failed: from now on it does not. */
  cannotReach(): void;
}

let counter = 0;

export function createTemporaryFiles(repository: Repository, stateDir: string): TemporaryFiles {
  const folder = join(stateDir, "tmp");
  mkdirSync(folder, { recursive: true });
  if (!hasLiveOwner(stateDir)) for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true });
  let reaches = statSync(folder).dev === statSync(repository.topDir).dev;
  return {
    newPath(purpose) {
      counter += 1;
      return join(folder, `${purpose}-${process.pid}-${counter}`);
    },
    reachesWorkTree: () => reaches,
    cannotReach() {
      reaches = false;
    },
  };
}
