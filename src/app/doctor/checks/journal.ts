import { basename, join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { readStamp } from "../../../base/files/file-stamp.ts";
import { isAtomicLeftover } from "../../../base/files/write-file-atomic.ts";
import { createSlices } from "../../../base/slices.ts";
import { findTaskFile } from "../../../store/branch/foreign-tasks.ts";
import { journalProblem } from "../../../store/journal/journal-check.ts";
import { idsIn, type KeptRecord, surveyRecords } from "../../../store/journal/journal-file.ts";
import { journalPlaces } from "../../../store/journal/journal-reader.ts";
import { fold } from "../../../store/tasks/open-task.ts";
import { isFinal } from "../../../task/ledger/ledger.ts";
import { taskIdOfName } from "../../../task/names/task-name.ts";
import type { Check, Tell } from "../check.ts";
import { type BranchTip, CannotLook, type Ground } from "../ground.ts";
import { namesIn } from "./state-folder.ts";

/** Every accepted task can be told from its journal. */
export const journalCheck: Check = {
  name: "journal",
  what: "Every journal can be read, tells of the task that its name says, and each task has one",
  why: "The journal is what is known of a task until its result is committed: without it the task is lost",
  async look(ground, tell) {
    const { openDir, doneDir, damagedDir, open, done } = journalPlaces(ground.paths.journal);
    for (const folder of [openDir, doneDir]) tellStrangers(ground, folder, tell);
    for (const name of namesIn(damagedDir)) {
      const path = join(damagedDir, name);
      tell.problem({
        path,
        message: `a coordinator has set it aside, because nothing could be made of it: ${taskWords(name)} is not known any more`,
        remedy: "look into it, hand in again what is still wanted, and move the file out of damaged/",
        repair: ground.repairs.moveAside(path),
      });
    }
    const slices = createSlices();
    const openIds = new Set(idsIn(openDir));
    for (const [ids, pathOf] of [
      [openIds, open],
      [idsIn(doneDir), done],
    ] as const)
      for (const id of ids) {
        tellJournal(ground, id, pathOf(id), tell);
        await slices.next(); // The lock gives its signs of life meanwhile.
      }
    for (const id of ground.isServed ? [] : idsIn(doneDir).filter((one) => openIds.has(one)))
      tell.problem({
        path: done(id),
        message: `there is a journal of ${id} in open/ too: somebody has copied one`,
        remedy: "move this one away; the open one counts",
        repair: ground.repairs.moveAside(done(id)),
      });
  },
};

function tellStrangers({ repairs }: Ground, folder: string, tell: Tell): void {
  const known = new Set(idsIn(folder).map((id) => `${id}.jsonl`));
  for (const name of namesIn(folder)) {
    if (known.has(name) || isAtomicLeftover(name)) continue;
    tell.problem({
      path: join(folder, name),
      message: "it has no name of a journal, and is read by nobody",
      remedy: "move it away; if it was the journal of a task, give it its name back: <id>.jsonl",
      repair: repairs.moveAside(join(folder, name)),
    });
  }
}

function tellJournal({ repairs, isServed }: Ground, id: string, path: string, tell: Tell): void {
  if (readStamp(path) === undefined) return; // It was finished meanwhile.
  tell.looked("journals", 1);
  const found = survey(id, path);
  if ("problem" in found)
    tell.problem({
      path,
      message: found.problem,
      remedy: `a start of the coordinator sets it aside into damaged/, and ${id} is not known any more: look into the file for its prompt, and hand it in again`,
      repair: repairs.moveAside(path),
    });
  else if (!isServed && (found.isTorn || found.records.length === 0))
    tell.note({
      path,
      message: "its last line was cut off by a crash, before anybody was told of it",
      remedy: "nothing needs to be done: the next coordinator takes that line out",
    });
}

function survey(
  id: string,
  path: string,
): { readonly problem: string } | { readonly records: readonly KeptRecord[]; readonly isTorn: boolean } {
  try {
    const found = surveyRecords(path);
    const problem = found.records.length === 0 ? undefined : journalProblem(id, found.records);
    return problem === undefined ? found : { problem };
  } catch (error) {
    if (error instanceof CoordinatorError) return { problem: error.message };
    throw error;
  }
}

function taskWords(name: string): string {
  const id = basename(name).replace(/\.jsonl(\.\d+)?$/, "");
  return taskIdOfName(`${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}`, id) === undefined ? "its task" : id;
}

/** What the journals of committed tasks say is what the branch holds. */
export const committedCheck: Check = {
  name: "committed",
  what: "A task whose journal says that it was committed has its result in the branch, and no other is kept open",
  why: "The newest results are committed again where the branch loses them by accident; a journal that stays open is worked on again",
  async look(ground, tell) {
    if (ground.isServed) throw new CannotLook("a coordinator is at work: it watches over this itself");
    const { openDir, doneDir, open, done } = journalPlaces(ground.paths.journal);
    const tip = await ground.tip();
    for (const id of idsIn(doneDir)) await tellLost(id, done(id), tip, tell);
    for (const id of idsIn(openDir)) await tellOpen(id, open(id), tip, tell);
  },
};

async function tellLost(id: string, path: string, tip: BranchTip, tell: Tell): Promise<void> {
  const found = survey(id, path);
  if ("problem" in found || found.records.length === 0) return; // The check of the journals says so.
  tell.looked("committed tasks", 1);
  const { sessionKey: session, path: file, committed } = fold(found.records);
  if (!committed) {
    const remedy = "nothing needs to be done: the next coordinator commits it again, which changes nothing";
    tell.note({ path, message: "the note that it was committed is missing", remedy });
    return;
  }
  if ((await findTaskFile(tip, { task: id, session, path: file })) !== undefined) return;
  tell.note({
    path: file,
    message: `the result of ${id} is not in the branch any more`,
    remedy:
      "if you have removed it, it stays so; if the branch lost it (a reset, a forced push), the next coordinator commits it again",
  });
}

async function tellOpen(id: string, path: string, tip: BranchTip, tell: Tell): Promise<void> {
  const found = survey(id, path);
  if ("problem" in found || found.records.length === 0) return;
  tell.looked("open tasks", 1);
  const task = fold(found.records);
  const place = await findTaskFile(tip, { task: id, session: task.sessionKey, path: task.path });
  if (place === undefined || !isFinal(place.file.status)) return;
  const row = await tip.ledger.find(id);
  const isKnown = task.state.kind === "ended" || (row !== undefined && isFinal(row.status));
  tell[isKnown ? "note" : "problem"]({
    path,
    message: `the branch holds its result already (${place.file.status}: ${place.path})`,
    remedy: isKnown
      ? "nothing needs to be done: the next coordinator notes that, and closes the journal"
      : "the ledger does not say so: somebody has edited the file. Put its status right in a commit, or stop the task",
  });
}
