import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hasLiveOwner } from "./locks.ts";
import type { Repository } from "./repository.ts";

/** Names for files that are written aside and renamed into place. What a crash leaves is removed at the next start. */
export interface TemporaryFiles {
  /** Returns a new name in the state folder. */
  newPath(purpose: string): string;
  /** Returns a new name from which a rename to `target` (in the work tree) works: on the same file system. */
  newPathFor(target: string): string;
  /** From now on, names for the work tree are dot-names beside their target: the state folder turned out to be elsewhere. */
  stayBeside(): void;
}

let counter = 0;

export function createTemporaryFiles(repository: Repository, stateDir: string): TemporaryFiles {
  const folder = join(stateDir, "tmp");
  mkdirSync(folder, { recursive: true });
  if (!hasLiveOwner(stateDir)) removeLeftovers(folder);
  let beside = statSync(folder).dev !== statSync(repository.topDir).dev;

  function newPath(purpose: string): string {
    counter += 1;
    return join(folder, `${purpose}-${process.pid}-${counter}`);
  }

  return {
    newPath,
    newPathFor(target) {
      if (!beside) return newPath("file");
      const note = newPath("beside");
      const path = join(dirname(target), `.codex-inbox-${process.pid}-${counter}.tmp`);
      writeFileSync(note, path);
      return path;
    },
    stayBeside() {
      beside = true;
    },
  };
}

function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.startsWith("beside-")) rmSync(readFileSync(path, "utf8"), { force: true });
    rmSync(path, { force: true });
  }
}
