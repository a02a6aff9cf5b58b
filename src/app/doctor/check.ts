import type { Ground } from "./ground.ts";
import type { Repair } from "./set-aside.ts";

/** One thing that must hold on the disk. The table of them is in check-table.ts. */
export interface Check {
  /** Stable: programs match on it. */
  readonly name: string;
  /** What must hold, as a sentence without its full stop. */
  readonly what: string;
  /** What goes wrong where it does not hold. */
  readonly why: string;
  /**
   * Looks and tells what it finds; it changes nothing. What it throws ends this check alone.
   *
   * @throws CannotLook where what it looks at is not there, and another check says why
   */
  look(ground: Ground, tell: Tell): Promise<void> | void;
}

/** Where a check tells what it sees. */
export interface Tell {
  /** Something is broken, lost or open to others, or keeps tasks from going on: it needs the user, or the repair. */
  problem(finding: Finding): void;
  /** Something that is worth knowing and needs nobody: what a crash or a merge leaves, and the coordinator deals with by itself. */
  note(finding: Finding): void;
  /** How much was looked at, added up: `looked("finished tasks", 1)`. */
  looked(what: string, count: number): void;
  /** What was found out besides: "version 0.169.0". */
  fact(text: string): void;
}

export interface Finding {
  /** Absolute, or within the branch; absent where no single file is meant. */
  readonly path?: string;
  readonly message: string;
  /** What the user can do, or what the coordinator does by itself. */
  readonly remedy: string;
  readonly repair?: Repair;
}
