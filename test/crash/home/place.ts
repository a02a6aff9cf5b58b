import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder for one history: on a file system of its own, which can be full and read-only, where we may make one. */
export interface Place {
  readonly base: string;
  /** For what lies on the file system that faults are made on: repository and worktrees. */
  readonly dir: string;
  readonly isOwnFileSystem: boolean;
  /** Leaves next to nothing of what `how` names, until the result is called. `undefined` where that cannot be. */
  take(how: "disk" | "inodes" | "read-only"): (() => void) | undefined;
  remove(): void;
}

const SIZE_BYTES = 512 * 1024 * 1024;
const INODES = 60_000;
const PAGE_BYTES = 4_096;

export function makePlace(wantsOwn: boolean): Place {
  const base = mkdtempSync(join(tmpdir(), "codex-torture-"));
  const dir = join(base, "fs");
  mkdirSync(dir);
  const isOwnFileSystem =
    wantsOwn &&
    process.getuid?.() === 0 &&
    mount("-t", "tmpfs", "-o", `size=${SIZE_BYTES},nr_inodes=${INODES}`, "tmpfs", dir);
  const remount = (options: string): boolean => mount("-o", `remount,${options}`, dir);
  return {
    base,
    dir,
    isOwnFileSystem,
    take(how) {
      if (!isOwnFileSystem) return undefined;
      const { blocks, bfree, files, ffree } = statfsSync(dir);
      const [few, all] = {
        disk: [`size=${(blocks - bfree + 2) * PAGE_BYTES}`, `size=${SIZE_BYTES}`],
        inodes: [`nr_inodes=${files - ffree + 2}`, `nr_inodes=${INODES}`],
        "read-only": ["ro", "rw"],
      }[how] as [string, string];
      return remount(few) ? () => void remount(all) : undefined;
    },
    remove() {
      if (isOwnFileSystem) spawnSync("umount", ["--lazy", dir]);
      rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    },
  };
}

function mount(...args: readonly string[]): boolean {
  return spawnSync("mount", args, { stdio: "ignore" }).status === 0;
}
