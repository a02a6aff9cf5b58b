import { createHash } from "node:crypto";
import { taskIdFromCommit } from "../../../task/names/task-id.ts";
import { oneLine } from "../../../task/text/one-line.ts";
import { hasEnded } from "../tasks/wait-for-tasks.ts";
import type { LandAnswer } from "./land-session.ts";

export interface FileRepairDeps {
  /** Returns the task with this id; `undefined` where there is none. */
  readonly find: (id: string) => Promise<{ readonly status: string } | undefined>;
  /** Files the text of a task file; returns the task's id. */
  readonly file: (text: string) => Promise<string>;
}

/** What is done where there is a conflict: nothing, or the session is to settle it, and is told so in these words besides. */
export type RepairRequest = { readonly words: string } | undefined;

/** Has the session settle a conflict, where there is one and that is wanted. @throws CoordinatorError as `fileRepair` */
export async function withRepair(
  answer: LandAnswer,
  request: RepairRequest,
  deps: FileRepairDeps,
): Promise<LandAnswer> {
  if (answer.state !== "conflict" || request === undefined) return answer;
  return { ...answer, repair: await fileRepair(answer, request.words, deps) };
}

const TARGET_CHARACTERS_MAX = 60;

/**
 * Files a task in which a session settles the conflicts of its work with what is checked out. While one for the same two commits is open,
 * no other is filed. Returns its id.
 *
 * @param words what the session is told besides
 * @throws CoordinatorError as `file`
 */
async function fileRepair(
  conflict: LandAnswer & { readonly state: "conflict" },
  words: string,
  { find, file }: FileRepairDeps,
): Promise<string> {
  const { session, head, onto, atMs } = conflict;
  const id = taskIdFromCommit(atMs, createHash("sha256").update(`${session}\0${head}\0${onto}`).digest("hex"));
  const known = await find(id);
  if (known !== undefined && !hasEnded(known)) return id;
  return file(repairText(conflict, words, known === undefined ? { id } : {}));
}

function repairText(
  { session, target }: LandAnswer & { readonly state: "conflict" },
  words: string,
  id: { readonly id?: string },
): string {
  const name = oneLine(target, TARGET_CHARACTERS_MAX);
  const keys = { ...id, sessionKey: session, title: `Settle the merge with ${name}`, merge: true };
  const prompt = `The work of this session is to be merged into ${name}, and both have changed the same places. ${name} is merged into the files here, and the end of this prompt says where they conflict. Settle that: what either side was for has to hold afterwards. Look at the other files that came with it as well, where the work of this session depends on them.`;
  return `---\n${JSON.stringify(keys)}\n---\n${prompt}\n${words === "" ? "" : `\n${words}\n`}`;
}
