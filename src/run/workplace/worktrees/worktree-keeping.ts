import { existsSync, readdirSync } from "node:fs";
import { rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemErrorCode } from "../../../base/errors.ts";
import { runProgram } from "../../../base/process/run-program.ts";
import type { Log, Surroundings } from "../../../base/surroundings.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import { type LinkedWorktrees, parseTrash } from "../../../git/worktrees/linked-worktrees.ts";
import { commitAt, isAncestor, moveRef, refAt } from "../../../git/worktrees/session-branch.ts";
import { checkoutsOf } from "../../../git/worktrees/worktree-list.ts";
import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import type { SessionWorktrees } from "./session-worktrees.ts";
import type { WorktreeRemoval } from "./worktree-removal.ts";
import { treesDirOf, type WorktreeSettings } from "./worktree-settings.ts";

export interface WorktreeKeepingDeps {
  readonly code: KnownRepository;
  readonly trees: LinkedWorktrees;
  readonly worktrees: SessionWorktrees;
  readonly records: WorktreeRecords;
  readonly removal: WorktreeRemoval;
  readonly settings: () => WorktreeSettings;
  /** Tells whether nothing of a session is open. */
  readonly isIdle: (session: string) => boolean;
  readonly surroundings: Pick<Surroundings, "now">;
  readonly log: Log;
}

/** Keeps the worktrees within their bounds, beside everything else. */
export interface WorktreeKeeping {
  /**
   * Finishes what a kill has cut off, forgets what holds no work, parks what was not used for long, and more where it gets tight.
   *
   * @param all parks whatever is idle
   * @returns what stays although it was to be removed, and why
   */
  tidy(options?: { readonly all: boolean }): Promise<readonly KeptWorktree[]>;
  /** Makes room for one more worktree; says why there is none, or `undefined`. */
  makeRoom(): Promise<string | undefined>;
}

export interface KeptWorktree {
  readonly session: string;
  readonly dir: string;
  readonly why: string;
}

/** From this share of a bound on, what is idle goes. */
const TIGHT = 0.8;
const TRASH_MS = 86_400_000;
/** To measure a folder is to look at each file of it. */
const MEASURE_EVERY_MS = 600_000;
const PROGRAM = { env: { PATH: process.env.PATH ?? "", LC_ALL: "C" }, timeMs: 120_000 } as const;

export function createWorktreeKeeping(deps: WorktreeKeepingDeps): WorktreeKeeping {
  const { code, trees, worktrees, records, removal, log } = deps;
  const { now } = deps.surroundings;
  const sizes = new Map<string, { readonly bytes: number; readonly atMs: number }>();
  let saidFull: string | undefined;

  const present = (): readonly WorktreeRecord[] =>
    records.list().filter(({ state }) => state !== "parked" && state !== "wanted");
  const idle = (): readonly WorktreeRecord[] =>
    present()
      .filter(({ session, state }) => state === "ready" && deps.isIdle(session))
      .sort((one, other) => one.usedAtMs - other.usedAtMs);
  const folder = (): string => treesDirOf(code.topDir, deps.settings());

  const freeBytes = async (): Promise<number> => {
    const where = [folder(), dirname(folder())].find((path) => existsSync(path));
    if (where === undefined) return Number.POSITIVE_INFINITY;
    const { bavail, bsize } = await statfs(where);
    return bavail * bsize;
  };
  const usedBytes = async (): Promise<number> => {
    let sum = 0;
    for (const { slug, dir } of present()) {
      const known = sizes.get(slug);
      if (known === undefined || now() - known.atMs > MEASURE_EVERY_MS)
        sizes.set(slug, { bytes: await measure(dir), atMs: now() });
      sum += sizes.get(slug)?.bytes ?? 0;
    }
    return sum;
  };
  /** Returns which bound `share` of is reached, in words. */
  const tightness = async (share: number, more: number): Promise<string | undefined> => {
    const { maxCount, maxBytes, freeBytes: free } = deps.settings();
    const count = present().length + more;
    if (count > maxCount * share) return `there are ${present().length} worktrees (worktree.maxCount: ${maxCount})`;
    if ((await freeBytes()) < free / share) return `less than ${free} bytes are free (worktree.freeBytes)`;
    if ((await usedBytes()) > maxBytes * share)
      return `the worktrees take more than ${maxBytes} bytes (worktree.maxBytes)`;
    return undefined;
  };

  const emptyTrash = async (olderMs: number): Promise<void> => {
    // What was made before another folder was named lies in that one still.
    const folders = new Set([folder(), ...records.list().map(({ dir }) => dirname(dir))]);
    for (const place of folders) await emptyTrashIn(place, olderMs);
  };
  const emptyTrashIn = async (place: string, olderMs: number): Promise<void> => {
    for (const name of existsSync(place) ? readdirSync(place) : []) {
      const trash = parseTrash(name);
      const isNeeded = trash !== undefined && records.get(trash.slug)?.state === "removing";
      if (trash === undefined || isNeeded || now() - trash.atMs < olderMs) continue;
      await removeFolder(join(place, name)).catch((error: unknown) =>
        log("worktree-trash-stays", { worktree: trash.slug, reason: String(error) }),
      );
    }
  };

  /** One that cannot be looked after is not to be in the way of the others. */
  const quietly = async (record: WorktreeRecord, work: () => Promise<unknown>): Promise<KeptWorktree | undefined> => {
    const { session, dir } = record;
    const why = await work().catch((error: unknown) => {
      log("worktrees-not-tidied", { session, worktree: dir, reason: String(error) });
      return error instanceof Error ? error.message : String(error);
    });
    return typeof why === "string" ? { session, dir, why } : undefined;
  };

  const park = (record: WorktreeRecord): Promise<KeptWorktree | undefined> =>
    quietly(record, () => removal.park(record.slug, () => deps.isIdle(record.session)));

  /** What was not begun, or is part of what the user has, needs neither branch nor record. */
  const forget = async (record: WorktreeRecord, head: string | undefined): Promise<void> => {
    const { slug, branch, base, session } = record;
    await worktrees.alone(slug, async () => {
      const current = records.get(slug);
      if (current?.state !== "parked" || !deps.isIdle(session) || head === undefined) return;
      const tip = await refAt(code, `refs/heads/${branch}`);
      const isDone = tip === undefined || tip === base || (await isAncestor(code, tip, head));
      // Whoever has it checked out would stand on a branch without a commit.
      if (!isDone || checkoutsOf(code.commonDir, `refs/heads/${branch}`).length > 0) return;
      if (tip !== undefined && !(await moveRef(code, `refs/heads/${branch}`, undefined, tip))) return;
      await worktrees.drop(current);
      log("worktree-forgotten", { session, branch });
    });
  };

  const clearUnbegun = async ({ slug, session, dir }: WorktreeRecord): Promise<void> => {
    await worktrees.alone(slug, async () => {
      const current = records.get(slug);
      if ((current?.state !== "wanted" && current?.state !== "made") || !deps.isIdle(session)) return;
      await trees.clear(dir);
      await worktrees.save({ ...current, state: "parked", atMs: now() });
    });
  };

  return {
    async tidy({ all } = { all: false }) {
      const kept: KeptWorktree[] = [];
      for (const record of records.list()) {
        if (record.state === "removing") await quietly(record, () => removal.settle(record.slug));
        else if (record.state === "wanted" || record.state === "made")
          await quietly(record, () => clearUnbegun(record));
      }
      await emptyTrash(TRASH_MS);
      for (const record of idle()) {
        const isOld = now() - record.usedAtMs > deps.settings().parkAfterMs;
        if (!all && !isOld && (await tightness(TIGHT, 0)) === undefined) continue;
        const stays = await park(record);
        if (stays !== undefined) kept.push(stays);
      }
      const head = await commitAt(code, "HEAD");
      for (const record of records.list())
        if (record.state === "parked") await quietly(record, () => forget(record, head));
      return kept;
    },
    async makeRoom() {
      let full = await tightness(1, 1);
      if (full !== undefined) {
        // What a kill has cut off, a removal or the making of one, counts until it is finished. One under way we must not wait for: it may wait
        // for us.
        for (const record of records.list()) {
          if (worktrees.isBusy(record.slug)) continue;
          if (record.state === "removing") await removal.settle(record.slug);
          else if (record.state === "made") await clearUnbegun(record);
        }
        await emptyTrash(0);
      }
      const stays: KeptWorktree[] = [];
      for (const record of idle()) {
        full = full === undefined ? undefined : await tightness(1, 1);
        if (full === undefined) break;
        // One that is being made again meanwhile waits for us: we must not wait for it.
        if (records.get(record.slug)?.state !== "ready") continue;
        const one = await park(record);
        if (one === undefined) await emptyTrash(0);
        else stays.push(one);
      }
      full = full === undefined ? undefined : await tightness(1, 1);
      const [one] = stays;
      const said =
        full === undefined
          ? undefined
          : `no room for one more worktree: ${full}${one === undefined ? "" : `; ${one.dir} stays, since ${one.why}`}`;
      if (said !== undefined && said !== saidFull) log("worktree-no-room", { reason: said });
      saidFull = said;
      return said;
    },
  };
}

/** A folder that may not be written to keeps what it holds from being removed. @throws the system's errors */
async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (systemErrorCode(error) !== "EACCES") throw error;
    await runProgram("chmod", ["-R", "u+rwX", "--", path], { ...PROGRAM, outputBytes: 1024 });
    await rm(path, { recursive: true, force: true });
  }
}

async function measure(dir: string): Promise<number> {
  const { stdout } = await runProgram("du", ["-sk", "--", dir], { ...PROGRAM, outputBytes: 64 * 1024 });
  return (Number.parseInt(stdout, 10) || 0) * 1024;
}
