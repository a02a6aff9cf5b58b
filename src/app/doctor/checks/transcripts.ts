import { archivedFolders } from "../../../store/branch/task-text.ts";
import { isFinal } from "../../../task/ledger/ledger.ts";
import { founderOf, isDatedFolder } from "../../../task/names/session-key.ts";
import { taskIdOfName } from "../../../task/names/task-name.ts";
import { parseTaskFile } from "../../../task/records/task-file/parsed-task-file.ts";
import { sessionFactsPath, sessionFolder, TRANSCRIPT } from "../../../task/records/workspace-paths.ts";
import { parseJsonLine } from "../../../task/session/json-lines.ts";
import { parseFacts } from "../../../task/session/session-facts.ts";
import { entryKey } from "../../../task/session/transcript.ts";
import { isTranscriptEntry } from "../../../task/session/transcript-entry.ts";
import type { Check, Tell } from "../check.ts";
import type { BranchTip, Ground } from "../ground.ts";
import { sessionsOf } from "../recent.ts";
import { lineWords } from "./ledger.ts";

/** Of a session so many dated folders and closed transcripts are looked at without `--all`, the newest ones. */
const FOLDERS_MAX = 2;
const CLOSED_MAX = 3;

/** What was said and done can be read, and each file of a session is that of a task which the ledger knows. */
export const transcriptsCheck: Check = {
  name: "transcripts",
  what: "Every line of a transcript can be read and stands there once, each task that ran has entries, and each file of a task has its row in the ledger",
  why: "The transcript is what a session is told again in a fresh thread; a file without a row belongs to a task that no list shows",
  async look(ground, tell) {
    const tip = await ground.tip();
    for await (const key of sessionsOf(ground)) {
      const facts = parseFacts((await tip.readText(sessionFactsPath(key))) ?? "");
      const wasArchived = facts.some(({ kind }) => kind === "archived");
      const folders = [sessionFolder(key), ...(wasArchived ? await archivedFolders(tip, key) : [])];
      const ran = new Set<string>();
      for (const folder of folders) await lookAtTasks(ground, tip, { key, folder }, ran, tell);
      let isWhole = true;
      for (const folder of folders) isWhole = (await lookAtTranscripts(ground, tip, folder, ran, tell)) && isWhole;
      if (isWhole) tellSilent(key, ran, tell);
    }
  },
};

interface SessionPlace {
  readonly key: string;
  readonly folder: string;
}

/** Adds to `ran` the tasks that have ended after a run. */
async function lookAtTasks(
  ground: Ground,
  tip: BranchTip,
  place: SessionPlace,
  ran: Set<string>,
  tell: Tell,
): Promise<void> {
  const { key, folder } = place;
  const entries = await tip.listFolder(folder);
  const founder = founderOf(key);
  const days = entries.map(({ name }) => name).filter(isDatedFolder);
  const looked = ground.all ? days : days.slice(-FOLDERS_MAX);
  const own = entries.filter(({ name }) => founder !== undefined && name === `${key.slice(key.indexOf("/") + 1)}.md`);
  const files = [...own.map(({ name }) => ({ path: `${folder}/${name}`, id: founder }))];
  for (const day of looked)
    for (const { name } of await tip.listFolder(`${folder}/${day}`)) {
      if (!name.endsWith(".md") || name === "archived.md") continue;
      files.push({
        path: `${folder}/${day}/${name}`,
        id: taskIdOfName(day.slice(0, 10), name.slice(0, -".md".length)),
      });
    }
  for (const { path, id } of files) {
    tell.looked("task files", 1);
    const file = parseTaskFile((await tip.readText(path)) ?? "");
    if (file === undefined || id === undefined || file.id !== id) {
      const message = "it stands where files of tasks do, and cannot be read as the one that its name says";
      const remedy = `git log -p -- ${path} shows what stood there; put it right, or move a file of yours elsewhere`;
      tell.problem({ path, message, remedy });
      continue;
    }
    if (isFinal(file.status) && file.frontMatter.startedAt !== undefined) ran.add(id);
    if ((await tip.ledger.find(id)) !== undefined) continue;
    tell.problem({
      path,
      message: `no row of the ledger tells of ${id}: no list shows it`,
      remedy: "git log -- tasks.md tasks shows where its rows went: bring them back in a commit; order does not matter",
    });
  }
}

/** Takes out of `ran` the tasks that have entries; returns whether every transcript was looked at. */
async function lookAtTranscripts(
  { all }: Ground,
  tip: BranchTip,
  folder: string,
  ran: Set<string>,
  tell: Tell,
): Promise<boolean> {
  const closed = (await tip.listFolder(`${folder}/transcript`))
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".jsonl"));
  const looked = all ? closed : closed.slice(-CLOSED_MAX);
  for (const path of [`${folder}/${TRANSCRIPT}`, ...looked.map((name) => `${folder}/transcript/${name}`)]) {
    const text = await tip.readText(path);
    if (text === undefined) continue;
    tell.looked("transcripts", 1);
    tellTranscript(path, text, ran, tell);
  }
  return looked.length === closed.length;
}

function tellTranscript(path: string, text: string, ran: Set<string>, tell: Tell): void {
  const [torn, unknown]: [number[], number[]] = [[], []];
  const keys = new Set<string>();
  let repeated = 0;
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const value = parseJsonLine(line);
    if (value === undefined) torn.push(at + 1);
    else if (!isTranscriptEntry(value)) unknown.push(at + 1);
    else {
      ran.delete(value.task);
      const key = entryKey(value);
      if (keys.has(key)) repeated += 1;
      keys.add(key);
    }
  }
  const remedy = `git log -p -- ${path} shows what stood there; put it right, or take it out, in a commit`;
  if (torn.length > 0) tell.problem({ path, message: `${lineWords(torn)} cannot be read`, remedy });
  if (unknown.length > 0)
    tell.note({
      path,
      message: `${lineWords(unknown)} is no entry of this version`,
      remedy: "nothing needs to be done: readers pass over it",
    });
  if (repeated > 0)
    tell.note({
      path,
      message: `${repeated} entries stand there more than once, as merges leave them`,
      remedy: "nothing needs to be done: readers drop repeats",
    });
}

function tellSilent(key: string, ran: ReadonlySet<string>, tell: Tell): void {
  for (const task of ran)
    tell.problem({
      path: `${sessionFolder(key)}/${TRANSCRIPT}`,
      message: `${task} has run, and no entry of the session's transcripts tells of it`,
      remedy: `git log -p -- ${sessionFolder(key)} shows where its entries went: bring them back in a commit; order does not matter`,
    });
}
