import { createHash } from "node:crypto";
import { archivedFolders } from "../../../store/branch/task-text.ts";
import { isDatedFolder } from "../../../task/names/session-key.ts";
import { isThreadId } from "../../../task/names/thread-id.ts";
import { sessionFactsPath, sessionFolder, TRANSCRIPT } from "../../../task/records/workspace-paths.ts";
import { parseJsonLine } from "../../../task/session/json-lines.ts";
import { foldFacts, parseFacts, type SessionState } from "../../../task/session/session-facts.ts";
import type { Check, Tell } from "../check.ts";
import type { BranchTip } from "../ground.ts";
import { sessionsOf } from "../recent.ts";
import { lineWords } from "./ledger.ts";

/** Threads that are compared; of more sessions the first ones are. */
const THREADS_MAX = 50_000;

/** The facts of a session can be read. */
export const sessionsCheck: Check = {
  name: "sessions",
  what: "The facts of each session can be read, name codex threads as codex does, no thread belongs to two sessions, and what is archived is so whole",
  why: "A task goes on in the thread that the facts name: a malformed one begins a new conversation without a word, and two writers of one mix theirs",
  async look(ground, tell) {
    const tip = await ground.tip();
    const threads = new Map<string, string>();
    for await (const key of sessionsOf(ground)) {
      const path = sessionFactsPath(key);
      const text = await tip.readText(path);
      if (text === undefined) {
        await tellNoFacts(tip, key, tell);
        continue;
      }
      tell.looked("sessions", 1);
      tellLines(path, text, tell);
      const facts = foldFacts(parseFacts(text));
      tellThread(threads, key, facts, tell);
      if (facts.archived) await tellArchived(tip, key, tell);
    }
  },
};

async function tellNoFacts(tip: BranchTip, key: string, tell: Tell): Promise<void> {
  const entries = await tip.listFolder(sessionFolder(key));
  if (!entries.some(({ name }) => name === TRANSCRIPT)) return; // Nothing has ended in it yet, or all of it was removed.
  tell.problem({
    path: sessionFactsPath(key),
    message: "the session has a transcript and no facts: its thread is not known",
    remedy: `its next task begins a fresh thread; git log -- ${sessionFactsPath(key)} shows where the facts went`,
  });
}

function tellLines(path: string, text: string, tell: Tell): void {
  const lines = text.split("\n");
  const at = (is: (line: string) => boolean): readonly number[] =>
    lines.flatMap((line, index) => (line.trim() !== "" && is(line) ? [index + 1] : []));
  const torn = at((line) => parseJsonLine(line) === undefined);
  if (torn.length > 0)
    tell.problem({
      path,
      message: `${lineWords(torn)} cannot be read`,
      remedy: `git log -p -- ${path} shows what stood there; put it right, or take it out, in a commit`,
    });
  const unknown = at((line) => parseJsonLine(line) !== undefined && parseFacts(line).length === 0);
  if (unknown.length > 0)
    tell.note({
      path,
      message: `${lineWords(unknown)} is no fact of this version`,
      remedy: "nothing needs to be done: a later version has written it",
    });
  const threads = at((line) =>
    parseFacts(line).some(
      ({ kind, thread }) => kind === "thread" && !(typeof thread === "string" && isThreadId(thread)),
    ),
  );
  if (threads.length > 0)
    tell.problem({
      path,
      message: `${lineWords(threads)} names a thread that is none of codex's`,
      remedy: "it does not count: take it out in a commit",
    });
}

/** Digests: there may be many. */
function tellThread(threads: Map<string, string>, key: string, { thread }: SessionState, tell: Tell): void {
  if (thread === undefined) return;
  const digest = createHash("sha256").update(thread).digest("base64url").slice(0, 12);
  const other = threads.get(digest);
  if (other !== undefined && other !== key)
    tell.problem({
      path: sessionFactsPath(key),
      message: `its thread ${thread} is also that of the session ${other}`,
      remedy: `give one of them a fresh one: codex-inbox add --session ${key} --resume false "…"`,
    });
  else if (threads.size < THREADS_MAX) threads.set(digest, key);
}

async function tellArchived(tip: BranchTip, key: string, tell: Tell): Promise<void> {
  tell.looked("archived sessions", 1);
  const folder = sessionFolder(key);
  const left: string[] = [];
  for (const { name, kind } of await tip.listFolder(folder)) {
    if (kind === "file") {
      if (name.endsWith(".md") || (name === TRANSCRIPT && (await tip.readText(`${folder}/${name}`)) !== ""))
        left.push(`${folder}/${name}`);
      continue;
    }
    if (!isDatedFolder(name) && name !== "transcript") continue;
    for (const { name: file } of await tip.listFolder(`${folder}/${name}`))
      if (file !== "archived.md") left.push(`${folder}/${name}/${file}`);
  }
  const [first] = left;
  if (first !== undefined)
    tell.note({
      path: first,
      message: `the session is archived, and ${left.length} of its files are not: a merge has brought them`,
      remedy: `codex-inbox archive --undo ${key}, then archive it again`,
    });
  for (const archived of await archivedFolders(tip, key)) if ((await tip.treeId(archived)) !== undefined) return;
  if (first === undefined && (await tip.listFolder(folder)).some(({ name }) => isDatedFolder(name)))
    tell.problem({
      path: folder,
      message: "the session is archived, and archive/ holds nothing of it",
      remedy: `git log -- archive shows which commit removed it`,
    });
}
