import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { foldLedger, isFinal, type LedgerRow, parseLedger } from "../../../src/task/ledger/ledger.ts";
import { type ParsedTaskFile, parseTaskFile } from "../../../src/task/records/task-file/parsed-task-file.ts";
import { parseTranscript } from "../../../src/task/session/transcript.ts";
import type { TranscriptEntry } from "../../../src/task/session/transcript-entry.ts";
import { readBlobs } from "../../support/workspace-results.ts";
import { type AskedTask, numberOf } from "../asked-tasks.ts";
import { processesOf } from "../home/processes.ts";
import type { TortureHome } from "../home/torture-home.ts";
import { takeLandings } from "../user-steps.ts";
import { namesInInbox } from "./archived-drops.ts";

/** What the branch holds of ours. */
export interface BranchContent {
  readonly tasks: readonly (ParsedTaskFile & { readonly path: string })[];
  readonly rows: readonly LedgerRow[];
  /** Every line of every transcript, repeated ones included. */
  readonly entries: readonly TranscriptEntry[];
}

export function readBranch({ repo }: Pick<TortureHome, "repo">): BranchContent {
  const listed = repo.git("ls-tree", "-r", "-z", "main", "--", "sessions", "archive", "tasks", "tasks.md").split("\0");
  const files = listed.flatMap((line) => {
    const [, blob, path] = /^\d+ blob (\S+)\t(.*)$/s.exec(line) ?? [];
    return blob === undefined || path === undefined ? [] : [{ blob, path }];
  });
  const texts = new Map(readBlobs(repo, [...new Set(files.map(({ blob }) => blob))]));
  const textsOf = (pattern: RegExp): readonly (readonly [path: string, text: string])[] =>
    files.filter(({ path }) => pattern.test(path)).map(({ path, blob }) => [path, texts.get(blob) ?? ""]);
  return {
    tasks: textsOf(/^(?:sessions|archive)\/.*\.md$/).flatMap(([path, text]) => {
      const file = parseTaskFile(text);
      return file === undefined ? [] : [{ ...file, path }];
    }),
    rows: textsOf(/^tasks(?:\.md|\/)/).flatMap(([, text]) => parseLedger(text)),
    entries: textsOf(/\/transcript(?:\/[^/]+)?\.jsonl$/).flatMap(([, text]) =>
      text.split("\n").flatMap((line) => parseTranscript(`${line}\n`)),
    ),
  };
}

/**
 * Returns the tasks of which a landing has brought a commit back that the branch had lost before, to a reset: git joins the rows of both, and
 * the ledger says of itself that repeated rows do not matter.
 */
export function broughtBack({ repo }: Pick<TortureHome, "repo">): ReadonlySet<string> {
  const format = "--format=%(trailers:key=Task-Id,valueonly,separator=%x20)";
  const idsOf = (...args: readonly string[]): readonly string[] =>
    repo
      .git("log", "--author=^codex-inbox", format, ...args)
      .split(/\s+/)
      .filter((id) => id !== "");
  const own = idsOf("--first-parent", "main");
  const countOf = (ids: readonly string[], id: string): number => ids.filter((one) => one === id).length;
  const all = idsOf("main");
  return new Set(all.filter((id) => countOf(all, id) > countOf(own, id)));
}

/**
 * Returns what is wrong with the outcomes of the tasks that were asked for.
 *
 * @param repeated tasks whose rows may stand in the ledger more than once, word for word
 */
export function checkOutcomes(
  home: Pick<TortureHome, "tasks">,
  { tasks, rows, entries }: BranchContent,
  repeated: ReadonlySet<string> = new Set(),
): readonly string[] {
  const problems: string[] = [];
  const byNumber = Map.groupBy(tasks, ({ prompt }) => numberOf(prompt));
  for (const { number, way, path, isUncertain, retries, retriesUncertain } of home.tasks) {
    const files = byNumber.get(number) ?? [];
    const least = (isUncertain ? 0 : 1) + retries;
    if (files.length < least || files.length > 1 + retries + retriesUncertain)
      problems.push(
        `task ${number} (${way} ${path ?? ""}) has ${files.length} outcomes instead of ${least}: ${files.map(({ id }) => id)}`,
      );
    for (const { id, status, result } of files) {
      if (!isFinal(status)) problems.push(`task ${number} (${id}) is ${status}`);
      if (status === "succeeded" && result?.lastMessage !== `result ${number}`)
        problems.push(`task ${number} (${id}) has succeeded with ${JSON.stringify(result?.lastMessage)}`);
    }
  }
  const strangers = tasks.filter(({ prompt }) => !home.tasks.some(({ number }) => number === numberOf(prompt)));
  for (const { path } of strangers) problems.push(`${path} is nobody's task`);
  for (const [id, files] of Map.groupBy(tasks, (task) => task.id))
    if (files.length > 1) problems.push(`${id} has ${files.length} files: ${files.map(({ path }) => path).join(", ")}`);

  const folded = foldLedger(rows);
  for (const { id, status, path } of tasks)
    if (folded.get(id)?.status !== status)
      problems.push(`the ledger says of ${id} ${folded.get(id)?.status}, ${path} says ${status}`);
  for (const [id, row] of folded)
    if (!tasks.some((task) => task.id === id))
      problems.push(`the ledger says that ${id} is ${row.status}, and it has no file`);
  const ends = rows.filter((row) => isFinal(row.status));
  const words = new Map(ends.map((row) => [JSON.stringify(row), row]));
  const counted = [
    ...ends.filter(({ task }) => !repeated.has(task)),
    ...[...words.values()].filter(({ task }) => repeated.has(task)),
  ];
  const finals = counted.map(({ task, run }) => `${task} ${run}`);
  for (const row of twice(finals)) problems.push(`the ledger ends ${row} twice`);

  const keys = entries.map(
    ({ task, run, line, thread, body }) => `${task} ${run} ${line} ${thread} ${body.kind === "context"}`,
  );
  for (const key of twice(keys)) problems.push(`a transcript has twice: ${key}`);
  const ended = entries.filter(({ body }) => body.kind === "user").map(({ task, run }) => `${task} ${run}`);
  for (const key of twice(ended)) problems.push(`a transcript has the prompt twice: ${key}`);
  return problems;
}

/** Returns what is wrong with the commits: a task has one with its result, or none where a commit of the user's has taken it along. */
export function checkCommits({ repo }: TortureHome, { tasks }: BranchContent): readonly string[] {
  const log = repo.git(
    "log",
    "--first-parent",
    "--no-merges",
    "--format=%(trailers:key=Task-Id,valueonly,separator=%x20)",
    "main",
  );
  const ids = log.split(/\s+/).filter((id) => id !== "");
  const problems = twice(ids).map((id) => `the result of ${id} is twice in the branch's history`);
  for (const id of new Set(ids))
    if (!tasks.some((task) => task.id === id)) problems.push(`a commit names ${id}, which has no file`);
  return problems;
}

/** Returns what is not as the user has left it. */
export async function checkUser(home: TortureHome): Promise<readonly string[]> {
  const { user, repo, kept } = home;
  await takeLandings(home);
  await user.verify("the end");
  const problems = [...user.problems];
  const subjects = new Set(repo.git("log", "--format=%s", "main").split("\n"));
  for (const subject of kept)
    if (!subjects.has(subject)) problems.push(`a commit of the user's is gone from the branch: ${subject}`);
  const refs = repo.git("for-each-ref", "--format=%(refname)").split("\n");
  const known =
    /^refs\/(?:codex-inbox\/|heads\/codex-inbox\/|heads\/(?:main|before|older|topic)$|remotes\/origin\/|tags\/start$|stash$)/;
  for (const ref of refs) if (!known.test(ref)) problems.push(`a ref is nobody's: ${ref}`);
  return problems;
}

const EMPTY_FOLDERS = ["accepting", "runs", "journal/open", "session-locks", "tmp"];

/** Returns what is left lying about: files, locks, processes, damage. @param refused tasks whose drops stay in inbox/ */
export function checkLeftovers(
  { repo, dir, stateDir, place }: TortureHome,
  refused: readonly AskedTask[],
): readonly string[] {
  const problems: string[] = [];
  const fsck = repo.tryGit("fsck", "--full", "--strict", "--no-dangling");
  if (fsck.status !== 0 || fsck.stdout !== "") problems.push(`git fsck: ${fsck.stdout}${fsck.stderr}`);
  for (const name of readdirSync(join(dir, ".git"), { recursive: true, encoding: "utf8" }))
    if (name.endsWith(".lock")) problems.push(`a lock is left: ${name}`);
  for (const folder of EMPTY_FOLDERS) {
    const path = join(stateDir, folder);
    const names = existsSync(path) ? readdirSync(path) : [];
    if (names.length > 0) problems.push(`${folder}/ holds ${names.join(", ")}`);
  }
  if (existsSync(join(stateDir, "lock"))) problems.push("the lock of a coordinator is left");
  const staying = namesInInbox(refused);
  const drops = readdirSync(join(dir, "inbox"), { recursive: true, encoding: "utf8" });
  for (const name of drops)
    if (name.endsWith(".md") && name !== "README.md" && !staying.has(name)) problems.push(`inbox/ holds ${name}`);
  for (const line of processesOf(place.base)) problems.push(`a process is left: ${line}`);
  return problems;
}

interface DoctorReport {
  readonly checks: readonly {
    readonly name: string;
    readonly findings: readonly { readonly level: string; readonly path: string | null; readonly message: string }[];
  }[];
}

/** Returns what the doctor finds that needs somebody. */
export async function checkDoctor(home: TortureHome): Promise<readonly string[]> {
  const { code, stdout, stderr } = await home.command("doctor", "--all", "--json");
  if (code === 0) return [];
  try {
    const { checks } = JSON.parse(stdout) as DoctorReport;
    return checks.flatMap(({ name, findings }) =>
      findings
        .filter(({ level }) => level === "problem")
        .map(({ path, message }) => `doctor: ${name}: ${path}: ${message}`),
    );
  } catch {
    return [`doctor ended with ${code}: ${stderr.slice(-500)}`];
  }
}

function twice(items: readonly string[]): string[] {
  return [...Map.groupBy(items, (item) => item)].filter(([, same]) => same.length > 1).map(([item]) => item);
}
