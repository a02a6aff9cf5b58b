import type { BrokenDrop, InboxScan } from "../task/drop.ts";
import { renderErrorFile } from "../task/error-file.ts";
import { INBOX } from "../task/workspace-paths.ts";
import type { Acceptance, StaleDrop } from "./acceptance.ts";
import type { ErrorFileWish } from "./intake-plan.ts";
import type { BranchPort, IntakePort, Log } from "./ports.ts";

/** How soon a drop is looked at again that could not be taken yet. */
const AGAIN_MS = 250;
const ERROR_ENDING = ".error.md";
/** Folders below inbox/ that are looked through for error files in the branch. */
const FOLDERS_MAX = 1_000;

export interface InboxDeskDeps {
  readonly intake: IntakePort;
  readonly acceptance: Acceptance;
  readonly branch: BranchPort;
  readonly log: Log;
  readonly now: () => number;
}

/** Looks at the inbox: takes what is ready, says what is wrong with the rest. */
export interface InboxDesk {
  /** Something may have changed there. */
  hint(): void;
  /** Looks if there is a reason to; returns what the branch should learn of it, or `undefined` when nothing was looked at. */
  look(): Promise<{ readonly stale: readonly StaleDrop[]; readonly errorFiles: readonly ErrorFileWish[] } | undefined>;
  /** When the next look is due (Unix ms); `undefined`: after a hint. */
  dueAtMs(): number | undefined;
  /** Paths of files that cannot become tasks. */
  broken(): readonly string[];
}

export function createInboxDesk(deps: InboxDeskDeps): InboxDesk {
  let dirty = true;
  let last: InboxScan = { drops: [], broken: [], settledAtMs: undefined, notices: [] };
  let said = "";
  let lookAgainAtMs: number | undefined;
  const dueAtMs = (): number | undefined => {
    if (dirty) return deps.now();
    const times = [last.settledAtMs, lookAgainAtMs].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  };

  return {
    hint: () => {
      dirty = true;
    },
    async look() {
      const due = dueAtMs();
      if (due === undefined || due > deps.now()) return undefined;
      dirty = false;
      last = await deps.intake.scan();
      const notices = last.notices.join("\n");
      if (notices !== said) for (const notice of last.notices) deps.log("inbox", { notice });
      said = notices;
      const { stale, again } = await deps.acceptance.take(last.drops);
      lookAgainAtMs = again ? deps.now() + AGAIN_MS : undefined;
      await deps.intake.reportBroken(last.broken);
      return { stale, errorFiles: await wishErrorFiles(deps.branch, last.broken) };
    },
    dueAtMs,
    broken: () => last.broken.map(({ path }) => path),
  };
}

/** An error file is committed only where its broken file is in the branch, so that whoever pushed it sees it; it goes with its cause. */
async function wishErrorFiles(branch: BranchPort, broken: readonly BrokenDrop[]): Promise<readonly ErrorFileWish[]> {
  if (!(await branch.headIsOurs())) return [];
  const wishes: ErrorFileWish[] = [];
  const wanted = new Set<string>();
  for (const drop of broken) {
    if ((await branch.blobAt(drop.path)) === undefined) continue;
    const path = errorPath(drop.path);
    const content = renderErrorFile(drop.path.slice(drop.path.lastIndexOf("/") + 1), drop.problems);
    wanted.add(path);
    if ((await branch.readText(path)) !== content) wishes.push({ path, subject: drop.path, content });
  }
  for (const path of await committedErrorFiles(branch)) {
    if (!wanted.has(path)) wishes.push({ path, subject: path.replace(ERROR_ENDING, ".md"), content: undefined });
  }
  return wishes;
}

/** Returns where the error file of a broken drop lies: beside it. */
function errorPath(dropPath: string): string {
  return dropPath.replace(/\.md$/i, "") + ERROR_ENDING;
}

async function committedErrorFiles(branch: BranchPort): Promise<readonly string[]> {
  if ((await branch.treeId(INBOX)) === undefined) return [];
  const found: string[] = [];
  const folders = [INBOX];
  for (let index = 0; index < Math.min(folders.length, FOLDERS_MAX); index += 1) {
    const folder = folders[index] ?? INBOX;
    for (const { name, kind } of await branch.listFolder(folder)) {
      if (kind === "folder") folders.push(`${folder}/${name}`);
      else if (name.endsWith(ERROR_ENDING)) found.push(`${folder}/${name}`);
    }
  }
  return found;
}
