import type { ProcessTable } from "./process-table.ts";

/** Which processes this coordinator has begun, each asked about once and known for a second. */
export interface ProcessFamily {
  /** Tells whether `parent` is known to be of this coordinator's; then its child `pid` is, too. */
  takes(pid: number, parent: number): boolean;
  /** Tells whether `pid` descends from this coordinator, or is an agent that an earlier one started. */
  isOurs(pid: number, parent?: number): boolean;
  /** Forgets what was found out longer ago than process ids are certain not to be given out again. */
  forgetOld(): void;
}

/** The tables of process ids are larger than what any machine starts in this time. */
const KNOWN_MS = 1_000;

/** @param ownMarker what the value of `CODEX_INBOX_RUN` begins with in the environment of our agents */
export function createProcessFamily(processes: ProcessTable, ownMarker: string): ProcessFamily {
  const marker = `\0CODEX_INBOX_RUN=${ownMarker}`;
  let family = new Set<number>([process.pid]);
  /** They descend from none of it. */
  let outsiders = new Set<number>();
  let sinceMs = Number.NEGATIVE_INFINITY;

  return {
    takes(pid, parent) {
      const isTaken = family.has(parent);
      if (isTaken) family.add(pid);
      return isTaken;
    },
    isOurs(pid, parent = processes.stat(pid)?.parent ?? 0) {
      const line = [pid];
      for (let id = pid === process.pid ? pid : parent; id > 1 && !outsiders.has(id); ) {
        if (family.has(id)) {
          for (const one of line) family.add(one);
          return true;
        }
        line.push(id);
        const above = processes.stat(id)?.parent;
        if (above === undefined) line.length = 0; // It has ended meanwhile: who began it is not known.
        id = above ?? 0;
      }
      for (const one of line) outsiders.add(one);
      return processes.environment(pid).includes(marker);
    },
    forgetOld() {
      if (performance.now() - sinceMs < KNOWN_MS) return;
      family = new Set([process.pid]);
      outsiders = new Set();
      sinceMs = performance.now();
    },
  };
}
