import { existsSync, readdirSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeNewFile } from "../../base/files/durable-file.ts";
import { makeFolder } from "../../base/files/make-folder.ts";
import { readBoundedText } from "../../base/files/read-bounded.ts";
import { asNumber, asObject, asText, asTexts, parseObject } from "../../base/json-shape.ts";

/**
 * How far the worktree of a session is: to be made, made by git, set up and ready for runs, removed while its branch goes on, or on its
 * way there. A coordinator that starts goes on from here.
 */
export const WORKTREE_STATES = ["wanted", "made", "ready", "parked", "removing"] as const;

export type WorktreeState = (typeof WORKTREE_STATES)[number];

/** What is kept of a session's worktree beside git. */
export interface WorktreeRecord {
  readonly slug: string;
  readonly session: string;
  /** Without `refs/heads/`. */
  readonly branch: string;
  /** The commit that the branch began from. */
  readonly base: string;
  /** The newest commit of ours on the branch; the base, to begin with. */
  readonly head: string;
  /** The commit of ours that was made last, whether or not the branch has moved to it; absent before the first. */
  readonly made?: string | undefined;
  /** Absolute. */
  readonly dir: string;
  readonly slot: number;
  readonly state: WorktreeState;
  /** When it came to this state, and when a run last used it, Unix ms. */
  readonly atMs: number;
  readonly usedAtMs: number;
  /** Paths that are in no commit (too large, or a nested repository's own): while they are there, it is not removed. */
  readonly pinned: readonly string[];
  /** Paths that its commits have changed, as far as they are remembered; the newest first. */
  readonly changed: readonly string[];
  /** Paths that its tasks keep to themselves until the work is landed. */
  readonly locks: readonly string[];
  /** What its setup left that git ignores: this may go with it, and is made again. */
  readonly setUp: readonly string[];
  /** Absent where none is under way. */
  readonly merging?: MergeUnderWay | undefined;
  /** How long it took to make it, in milliseconds; 0 where that is not known. */
  readonly openingMs: number;
}

/** A merge whose outcome lies in a worktree and is in no commit yet. */
export interface MergeUnderWay {
  /** The task that is to settle it. */
  readonly task: string;
  /** The commit that is merged, and how it is called: a branch without `refs/heads/`, or its id. */
  readonly target: string;
  readonly name: string;
  /** What the merge came to, marks of conflicts included, and the paths that have a conflict. */
  readonly tree: string;
  readonly conflicts: readonly string[];
  /** The worktree holds all of it. */
  readonly isReady: boolean;
}

export interface WorktreeRecords {
  list(): readonly WorktreeRecord[];
  get(slug: string): WorktreeRecord | undefined;
  find(session: string): WorktreeRecord | undefined;
  /** Grows with each change. */
  readonly version: number;
  /** Durable when it resolves. */
  save(record: WorktreeRecord): Promise<void>;
  remove(slug: string): Promise<void>;
}

const BYTES_MAX = 4 * 1024 * 1024;

/** Opens the records kept in `dir` (absolute; made when missing), one file each. */
export function openWorktreeRecords(dir: string): WorktreeRecords {
  const records = new Map(readWorktreeRecords(dir).map((record) => [record.slug, record]));
  const slugs = new Map(Array.from(records.values(), ({ session, slug }) => [session, slug]));
  let turn: Promise<unknown> = Promise.resolve();
  let count = 0;
  let version = 0;

  /** One after the other, so that the newest is what stays. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };

  return {
    list: () => [...records.values()],
    get: (slug) => records.get(slug),
    find: (session) => records.get(slugs.get(session) ?? ""),
    get version() {
      return version;
    },
    save(record) {
      records.set(record.slug, record);
      slugs.set(record.session, record.slug);
      version += 1;
      return inTurn(async () => {
        makeFolder(dir);
        count += 1;
        const draft = join(dir, `.${record.slug}.${process.pid}.${count}`);
        await rm(draft, { force: true });
        await writeNewFile(draft, Buffer.from(`${JSON.stringify({ v: 1, ...record })}\n`), 0o600);
        await rename(draft, join(dir, `${record.slug}.json`));
        await syncFolder(dir);
      });
    },
    remove(slug) {
      slugs.delete(records.get(slug)?.session ?? "");
      records.delete(slug);
      version += 1;
      return inTurn(async () => {
        await rm(join(dir, `${slug}.json`), { force: true });
        await rm(join(dir, `${slug}.index`), { force: true });
        if (existsSync(dir)) await syncFolder(dir);
      });
    },
  };
}

/** Reads all records in `dir`; one that cannot be read is left out: the worktree stays, and is listed by git. */
export function readWorktreeRecords(dir: string): readonly WorktreeRecord[] {
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => /^[a-z0-9].*\.json$/.test(name)) : [];
  return names.sort().flatMap((name) => {
    const record = parseRecord(readQuietly(join(dir, name)));
    return record === undefined || `${record.slug}.json` !== name ? [] : [record];
  });
}

function parseRecord(text: string): WorktreeRecord | undefined {
  const value = parseObject(text);
  const state = WORKTREE_STATES.find((one) => one === value?.state);
  const [slug, session, branch, base, dir] = ["slug", "session", "branch", "base", "dir"].map((key) =>
    asText(value?.[key]),
  );
  const [slot, atMs, usedAtMs] = [asNumber(value?.slot), asNumber(value?.atMs), asNumber(value?.usedAtMs)];
  if (value?.v !== 1 || state === undefined || slot === undefined || atMs === undefined) return undefined;
  if (slug === undefined || session === undefined || branch === undefined || base === undefined || dir === undefined)
    return undefined;
  return {
    ...{ slug, session, branch, base, dir, slot, state, atMs },
    head: asText(value.head) ?? base,
    made: asText(value.made),
    usedAtMs: usedAtMs ?? atMs,
    pinned: asTexts(value.pinned) ?? [],
    changed: asTexts(value.changed) ?? [],
    locks: asTexts(value.locks) ?? [],
    setUp: asTexts(value.setUp) ?? [],
    openingMs: asNumber(value.openingMs) ?? 0,
    ...mergingOf(asObject(value.merging)),
  };
}

function mergingOf(value: Readonly<Record<string, unknown>> | undefined): Pick<WorktreeRecord, "merging"> {
  const [task, target, name, tree] = ["task", "target", "name", "tree"].map((key) => asText(value?.[key]));
  if (task === undefined || target === undefined || name === undefined || tree === undefined) return {};
  const [conflicts, isReady] = [asTexts(value?.conflicts) ?? [], value?.isReady === true];
  return { merging: { task, target, name, tree, conflicts, isReady } };
}

function readQuietly(path: string): string {
  try {
    return readBoundedText(path, BYTES_MAX) ?? "";
  } catch {
    return ""; // Not a file of ours.
  }
}
