import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { foldLedger, isFinal } from "../../../src/task/ledger/ledger.ts";
import { numberOf } from "./stress-drops.ts";
import type { StressSite } from "./stress-site.ts";

/** Returns everything that is wrong with what the branch says of the tasks `numbers`, as sentences. */
export function checkTasks(
  site: StressSite,
  numbers: readonly number[],
  takenAlong: ReadonlySet<string>,
): readonly string[] {
  const { results, repo } = site;
  const problems: string[] = [];
  const files = results.tasks();
  const byNumber = Map.groupBy(files, ({ prompt }) => numberOf(prompt));
  const started = Map.groupBy(site.prompts(), numberOf);
  const everywhere = trailers(repo.git("log", "--no-merges", TRAILERS, "main"));
  const firstParent = trailers(repo.git("log", "--first-parent", TRAILERS, "main"));
  const ledger = foldLedger(results.rows());
  for (const number of numbers) {
    const found = byNumber.get(number) ?? [];
    const runs = started.get(number)?.length ?? 0;
    if (runs !== 1) problems.push(`task ${number} was run ${runs} times`);
    const [file] = found;
    if (file === undefined || found.length !== 1) {
      problems.push(`task ${number} has ${found.length} files in the branch`);
      continue;
    }
    if (file.status !== "succeeded") problems.push(`task ${number} says ${file.status}`);
    if (file.result?.lastMessage !== `result ${number}`)
      problems.push(`task ${number} says ${JSON.stringify(file.result?.lastMessage)}`);
    const commits = everywhere.get(file.id)?.length ?? 0;
    if (commits !== 1 && !(commits === 0 && takenAlong.has(endOf(file.id))))
      problems.push(`task ${number} (${file.id}) was committed ${commits} times`);
    if ((firstParent.get(file.id)?.length ?? 0) > 1)
      problems.push(`task ${number} is twice in the branch's own history`);
    const status = ledger.get(file.id)?.status;
    if (status !== "succeeded") problems.push(`the ledger says of task ${number}: ${status ?? "nothing"}`);
  }
  const strangers = files.filter(({ prompt }) => !numbers.includes(numberOf(prompt)));
  for (const { path } of strangers) problems.push(`${path} is nobody's task`);
  const open = results.openTasks();
  if (open.length > 0) problems.push(`the ledger calls open: ${open.join(", ")}`);
  const rows = Map.groupBy(
    results.rows().filter((row) => isFinal(row.status)),
    ({ task }) => task,
  );
  for (const [task, final] of rows) if (final.length > 1) problems.push(`${task} has ${final.length} final rows`);
  for (const session of new Set(files.map(({ sessionKey }) => sessionKey))) {
    const keys = results.transcriptLines(session).map(keyOf);
    const twice = keys.filter((key, at) => keys.indexOf(key) !== at);
    if (twice.length > 0) problems.push(`the transcript of ${session} has twice: ${twice.slice(0, 3).join(", ")}`);
  }
  return problems;
}

const TRAILERS = "--format=%(trailers:key=Task-Id,valueonly,separator=%x20)";

/** Returns the lines by each id they name. */
function trailers(log: string): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(
    log.split(/\s+/).filter((id) => id !== ""),
    (id) => id,
  );
}

function keyOf(line: string): string {
  const { task, run, line: number } = JSON.parse(line);
  return `${task} ${run} ${number}`;
}

const OURS = /^(sessions\/|tasks\.md$|tasks\/)/;
const INBOX = /^inbox\//;

/** How the branch moved once, as its reflog tells. */
interface Move {
  readonly before: string;
  readonly after: string;
  readonly message: string;
}

export interface History {
  /** Moves of ours. */
  readonly ours: number;
  /** Ends of the ids of tasks whose files the user committed, left in the work tree by a reset of the user's: they have no commit of ours. */
  readonly takenAlong: ReadonlySet<string>;
  readonly problems: readonly string[];
}

/**
 * Goes through everything that ever happened to the branch: each of our moves changed our files alone, each of the user's theirs,
 * and none began from another commit than the one before it.
 */
export function checkHistory({ repo, dir }: StressSite): History {
  const problems: string[] = [];
  const all = readMoves(readFileSync(join(dir, ".git/logs/refs/heads/main"), "utf8"));
  const start = repo.git("rev-parse", "start");
  const moves = all.slice(all.findIndex(({ after }) => after === start));
  const takenAlong = new Set<string>();
  let ours = 0;
  let afterReset = false;
  for (const [at, move] of moves.entries()) {
    const previous = moves[at - 1];
    if (previous !== undefined && previous.after !== move.before)
      problems.push(`the branch jumped: ${previous.message} → ${move.message}`);
    const isOurs = move.message.startsWith("codex-inbox: ");
    const isReset = move.message.startsWith("reset: ");
    if (isOurs) ours += 1;
    if (isOurs || isReset) afterReset = isReset;
    if (at === 0 || isReset) continue;
    const changed = repo.git("diff-tree", "-r", "--name-status", "--no-renames", move.before, move.after).split("\n");
    const wrong = changed.filter((line) => isWrong(line.slice(2), isOurs));
    // A mixed reset leaves files of ours untracked or changed, and then `add -A` and `commit -a` take them along.
    if (afterReset && !isOurs && wrong.every((line) => !line.startsWith("D")))
      for (const line of wrong) takenAlong.add(endOf(/([^/]+)\.md$/.exec(line)?.[1] ?? ""));
    else if (wrong.length > 0) problems.push(`${wrong.slice(0, 3).join(", ")} changed in: ${move.message}`);
  }
  return { ours, takenAlong, problems };
}

/** What the id of a task and the name of its file have in common: the name has words of the title between. */
function endOf(name: string): string {
  return name.slice(name.lastIndexOf("-") + 1);
}

/** We change our places and the inbox, the user everything but our places. */
function isWrong(path: string, isOurs: boolean): boolean {
  return path !== "" && !INBOX.test(path) && OURS.test(path) !== isOurs;
}

function readMoves(log: string): readonly Move[] {
  return log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, before = "", after = "", message = ""] = /^(\w+) (\w+) [^\t]*\t(.*)$/.exec(line) ?? [];
      return { before, after, message };
    });
}

/** Returns what is left lying about: files, locks, processes, changes that are not the user's. */
export function checkLeftovers({ repo, dir, stateDir, agentPids }: StressSite): readonly string[] {
  const problems: string[] = [];
  const status = repo.git("status", "--porcelain");
  if (status !== "") problems.push(`git status: ${status.replaceAll("\n", "; ")}`);
  const fsck = repo.tryGit("fsck", "--full", "--strict", "--no-dangling");
  if (fsck.status !== 0 || fsck.stdout !== "") problems.push(`git fsck: ${fsck.stdout}${fsck.stderr}`);
  for (const lock of readdirSync(join(dir, ".git"), { recursive: true, encoding: "utf8" }))
    if (lock.endsWith(".lock")) problems.push(`a lock is left: ${lock}`);
  for (const folder of ["accepting", "runs", "journal/open", "session-locks", "tmp"]) {
    const path = join(stateDir, folder);
    const names = existsSync(path) ? readdirSync(path) : [];
    if (names.length > 0) problems.push(`${folder}/ holds ${names.join(", ")}`);
  }
  const drops = readdirSync(join(dir, "inbox"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".md"),
  );
  if (drops.join() !== "README.md") problems.push(`inbox/ holds ${drops.join(", ")}`);
  if (agentPids().length > 0) problems.push(`agents are alive: ${agentPids().join(", ")}`);
  return problems;
}
