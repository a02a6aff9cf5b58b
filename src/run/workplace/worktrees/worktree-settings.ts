import { basename, dirname, join } from "node:path";
import { asTexts, parseObject } from "../../../base/json-shape.ts";
import type { WorkplaceLease } from "../../../task/workplace/workplace-lease.ts";

/** What is set for worktrees of sessions. Times in milliseconds. */
export interface WorktreeSettings {
  /** Command that makes a new worktree ready for work. */
  readonly setup: string | undefined;
  /** Files and folders of the checkout, from its top, that a new worktree gets a copy of although git does not have them. */
  readonly copy: readonly string[];
  readonly setupTimeoutMs: number;
  /** Worktrees that may be there at once, and what they may take. */
  readonly maxCount: number;
  readonly maxBytes: number;
  /** What has to stay free on their disk. */
  readonly freeBytes: number;
  /** An idle one is removed after this, and made again for the next task of its session. */
  readonly parkAfterMs: number;
  /** Where they lie; beside the checkout unless given. */
  readonly dir: string | undefined;
  /** Folders that alone are checked out. */
  readonly sparse: readonly string[];
}

/** The named bounds of what a commit takes: what is larger is left out, said, and kept where it lies. */
export const SNAPSHOT_LIMITS = {
  fileBytesMax: 10 * 1024 * 1024,
  totalBytesMax: 200 * 1024 * 1024,
  filesMax: 100_000,
} as const;

const COMMAND_CHARACTERS_MAX = 10_000;
const COPIES_MAX = 100;

/** Returns the folder that the worktrees of the checkout at `topDir` (absolute) lie in. */
export function treesDirOf(topDir: string, { dir }: Pick<WorktreeSettings, "dir">): string {
  return dir ?? join(dirname(topDir), `${basename(topDir)}-inbox-trees`);
}

/**
 * Returns the settings with what the base commit of a worktree says of its setup, where it says something: a branch may need another
 * one than the checkout. The session's own branch is never asked: its agent writes there.
 *
 * @param text of codex-inbox.json in the base commit
 */
export function settingsOfBase(settings: WorktreeSettings, text: string | undefined): WorktreeSettings {
  const found = parseObject(text ?? "")?.worktree;
  if (typeof found !== "object" || found === null) return settings;
  const { setup, copy } = found as Readonly<Record<string, unknown>>;
  const own = typeof setup === "string" && setup.length <= COMMAND_CHARACTERS_MAX ? { setup } : {};
  const copies = asTexts(copy);
  return { ...settings, ...own, ...(copies === undefined ? {} : { copy: copies.slice(0, COPIES_MAX) }) };
}

const PORTS_FIRST = 20_000;
const PORTS_EACH = 20;

/** Returns the variables that keep the programs of neighbouring worktrees apart. */
export function slotVariables(lease: WorkplaceLease): Readonly<Record<string, string>> {
  if (lease.kind === "shared") return {};
  return {
    CODEX_INBOX_SLOT: String(lease.slot),
    PORT_BASE: String(PORTS_FIRST + PORTS_EACH * lease.slot),
    COMPOSE_PROJECT_NAME: lease.slug,
  };
}

/** Returns the smallest number from 0 that is not taken. */
export function freeSlot(taken: readonly number[]): number {
  for (let slot = 0; ; slot += 1) if (!taken.includes(slot)) return slot;
}
