import { chmodSync, lstatSync, mkdirSync, renameSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { readStamp } from "../../base/files/file-stamp.ts";
import { syncDirectory } from "../../base/files/write-file-atomic.ts";
import type { StatePaths } from "../../store/state-paths.ts";

/** What `--fix` does about a finding. It runs while the lock of the workspace is held, so that no coordinator is at work. */
export interface Repair {
  /** "moves it aside" */
  readonly what: string;
  /** Resolves with where that lies now which was moved. */
  run(): Promise<string | undefined> | string | undefined;
}

/** Makes the repairs of one run of the doctor. None of them deletes anything. */
export interface Repairs {
  /** Moves a file or folder below `set-aside/<time>/`, under the path that it has in the coordinator's folder. */
  moveAside(path: string): Repair;
  /** Takes from others what they may do with it. */
  closeToOthers(path: string): Repair;
}

/** @param nowMs Unix ms; names the folder, which is made with the first thing that goes into it */
export function createRepairs({ root, setAside }: Pick<StatePaths, "root" | "setAside">, nowMs: number): Repairs {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  const target = (path: string): string => {
    const below = relative(root, path);
    const name = below.startsWith("..") ? join("outside", basename(path)) : below;
    for (let count = 1; ; count += 1) {
      const place = join(setAside, count === 1 ? stamp : `${stamp}-${count}`, name);
      if (readStamp(place) === undefined) return place;
    }
  };
  return {
    moveAside: (path) => ({
      what: "moves it aside",
      run() {
        const place = target(path);
        mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
        renameSync(path, place);
        for (const folder of [dirname(place), dirname(path)]) syncDirectory(folder);
        return place;
      },
    }),
    closeToOthers: (path) => ({
      what: "takes from others what they may do with it",
      run() {
        chmodSync(path, lstatSync(path).mode & 0o700);
        return undefined;
      },
    }),
  };
}
