import { statfs } from "node:fs/promises";

/** How long an answer counts: the disk does not fill within moments, and asking may take a while. */
const COUNTS_MS = 5_000;
const MB = 1024 * 1024;

export interface DiskRoomDeps {
  /** A folder on the disk; absolute. */
  readonly dir: string;
  /** What has to be free for tasks to be taken; 0: nobody looks. */
  readonly settings: () => { readonly minFreeMb: number };
  readonly monotonicMs: () => number;
  /** The answer is another one than before. */
  readonly onChange: () => void;
  /** For tests. */
  readonly free?: (dir: string) => Promise<number>;
}

export interface DiskRoom {
  /**
   * Returns in words that the disk is nearly full; `undefined` where it is not, or nobody knows. It never waits for the disk: it answers what was
   * found last, and has it looked at again where that was some time ago.
   */
  why(): string | undefined;
  /** Looks at the disk: before the first answer counts. */
  look(): Promise<void>;
}

/** Watches how much is free on a disk. */
export function createDiskRoom(deps: DiskRoomDeps): DiskRoom {
  const { dir, settings, monotonicMs, onChange, free = freeMb } = deps;
  let found: { readonly freeMb: number; readonly atMs: number } | undefined;
  let isLooking = false;
  let said: string | undefined;
  const words = (): string | undefined => {
    const { minFreeMb } = settings();
    return found === undefined || minFreeMb === 0 || found.freeMb >= minFreeMb
      ? undefined
      : diskIsLow(found.freeMb, minFreeMb);
  };
  const look = async (): Promise<void> => {
    try {
      found = { freeMb: await free(dir), atMs: monotonicMs() };
    } catch {
      found = undefined; // What is wrong with the disk is told by whoever writes to it.
    } finally {
      isLooking = false;
    }
    if (words() === said) return;
    said = words();
    onChange();
  };
  return {
    why() {
      const isOld = found === undefined || monotonicMs() - found.atMs >= COUNTS_MS;
      if (isOld && !isLooking && settings().minFreeMb > 0) {
        isLooking = true;
        void look();
      }
      return words();
    },
    async look() {
      if (settings().minFreeMb > 0) await look();
    },
  };
}

/** Returns how many megabytes whoever runs this may still write to the disk of `dir`, rounded down. */
export async function freeMb(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return Math.floor((bavail * bsize) / MB);
}

/** Returns the sentence for whoever wants to add a task. */
export function diskIsLow(free: number, least: number): string {
  return `the disk is nearly full, with ${free} MB free of the ${least} that it takes (minFreeMb): make room on it`;
}
