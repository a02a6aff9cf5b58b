import type { Log } from "../base/surroundings.ts";
import type { Branch } from "../git/branch.ts";
import type { BrokenDrop, ErrorFileChange, InboxScan, StaleDrop } from "../task/file/drop.ts";
import { errorFilePath, isErrorFile, renderErrorFile } from "../task/file/error-file.ts";
import { INBOX } from "../task/records/workspace-paths.ts";
import { asKeptText, type Keeper } from "../task/text/kept-text.ts";
import type { Acceptance } from "./acceptance.ts";
import type { Intake } from "./inbox/intake.ts";
import type { QueueLimit } from "./queue-limit.ts";

/** How soon a drop is looked at again that could not be taken yet. */
const AGAIN_MS = 250;
/** How soon what had no room is looked at again where there is room for a few. */
const ROOM_MS = 500;
const ERROR_ENDING = ".error.md";
/** Folders below inbox/ that are looked through for error files in the branch. */
const FOLDERS_MAX = 1_000;

export interface InboxReconcilerDeps {
  readonly intake: Intake;
  readonly acceptance: Acceptance;
  readonly bound: Pick<QueueLimit, "isFull" | "isRoomy" | "note">;
  readonly branch: Branch;
  readonly hint: Hint;
  readonly keeper: Keeper;
  readonly log: Log;
  /** The inbox was looked at: these files cannot become tasks. */
  readonly onBroken: (paths: readonly string[]) => void;
  readonly now: () => number;
}

/** Whether something may have changed since somebody looked. */
export interface Hint {
  mark(): void;
  /** Tells whether it was marked, and takes the mark away. */
  take(): boolean;
  readonly isMarked: boolean;
}

/** @param onMark is called with each mark */
export function createHint(onMark: () => void): Hint {
  let isMarked = true;
  return {
    mark() {
      isMarked = true;
      onMark();
    },
    take() {
      const was = isMarked;
      isMarked = false;
      return was;
    },
    get isMarked() {
      return isMarked;
    },
  };
}

/** Looks at the inbox: takes what is ready, says what is wrong with the rest. */
export interface InboxReconciler {
  /** Looks if there is a reason to; returns what the branch should learn of it, or `undefined` when nothing was looked at. */
  look(): Promise<
    { readonly stale: readonly StaleDrop[]; readonly errorFiles: readonly ErrorFileChange[] } | undefined
  >;
  /** When the next look is due (Unix ms); `undefined`: after a hint. */
  dueAtMs(): number | undefined;
  /** Paths of files that cannot become tasks. */
  broken(): readonly string[];
}

export function createInboxReconciler(deps: InboxReconcilerDeps): InboxReconciler {
  let last: InboxScan = { drops: [], broken: [], settledAtMs: undefined, notices: [] };
  let said = "";
  let lookAgainAtMs: number | undefined;
  let full = 0;
  let lookedAtMs = 0;
  const dueAtMs = (): number | undefined => {
    if (deps.hint.isMarked || (full > 0 && deps.bound.isRoomy())) return deps.now();
    const roomAtMs = full > 0 && !deps.bound.isFull() ? lookedAtMs + ROOM_MS : undefined;
    const times = [last.settledAtMs, lookAgainAtMs, roomAtMs].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  };

  const lookNow = async (): ReturnType<InboxReconciler["look"]> => {
    last = await deps.intake.scan();
    const notices = last.notices.join("\n");
    if (notices !== said) for (const notice of last.notices) deps.log("inbox", { notice });
    said = notices;
    const { stale, again, full: left, refused } = await deps.acceptance.take(last.drops);
    if (refused.length > 0) last = { ...last, broken: [...last.broken, ...refused] };
    full = left;
    deps.bound.note(full);
    lookAgainAtMs = again ? deps.now() + AGAIN_MS : undefined;
    deps.onBroken(last.broken.map(({ path }) => path));
    await deps.intake.reportBroken(last.broken);
    return { stale, errorFiles: await errorFileChanges(deps, last.broken) };
  };

  return {
    async look() {
      deps.bound.note(full);
      const due = dueAtMs();
      if (due === undefined || due > deps.now()) return undefined;
      deps.hint.take();
      lookedAtMs = deps.now();
      try {
        return await lookNow();
      } catch (error) {
        deps.hint.mark(); // What was there is there still.
        throw error;
      }
    },
    dueAtMs,
    broken: () => last.broken.map(({ path }) => path),
  };
}

/** An error file is committed only where its broken file is in the branch, so that whoever pushed it sees it; it goes with that. */
async function errorFileChanges(
  { branch, keeper }: Pick<InboxReconcilerDeps, "branch" | "keeper">,
  broken: readonly BrokenDrop[],
): Promise<readonly ErrorFileChange[]> {
  if (!(await branch.headIsOurs())) return [];
  const changes: ErrorFileChange[] = [];
  for (const drop of broken) {
    if ((await branch.blobAt(drop.path)) === undefined) continue;
    const path = keeper.keepName(errorFilePath(drop.path));
    if (path !== errorFilePath(drop.path)) continue; // Its name holds a secret: what is wrong is said in the work tree alone.
    const name = keeper.keep(drop.path.slice(drop.path.lastIndexOf("/") + 1));
    const content = renderErrorFile(name, keeper.keep(drop.problems));
    if ((await branch.readText(path)) !== content) changes.push({ path, subject: keeper.keepName(drop.path), content });
  }
  for (const path of await leftErrorFiles(branch))
    changes.push({ path: asKeptText(path), subject: keeper.keepName(path), content: undefined }); // The branch has it.
  return changes;
}

/** Error files of ours in the branch whose dropped file is not there any more. One that is there may be settling: it keeps its own. */
async function leftErrorFiles(branch: Branch): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [INBOX];
  for (let index = 0; index < Math.min(folders.length, FOLDERS_MAX); index += 1) {
    const folder = folders[index] ?? INBOX;
    const entries = await branch.listFolder(folder);
    const paths = entries.filter(({ kind }) => kind === "file").map(({ name }) => `${folder}/${name}`);
    const kept = new Set(paths.filter((path) => /\.md$/i.test(path)).map(errorFilePath));
    for (const path of paths) {
      if (!path.endsWith(ERROR_ENDING) || kept.has(path)) continue;
      if (isErrorFile((await branch.readText(path)) ?? "")) found.push(path);
    }
    for (const { name, kind } of entries) if (kind === "folder") folders.push(`${folder}/${name}`);
  }
  return found;
}
