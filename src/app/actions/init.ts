import { existsSync, lstatSync, mkdirSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { readBoundedText } from "../../base/files/read-bounded.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import { writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { writePolicy } from "../../config/policy.ts";
import type { Branch } from "../../git/branch.ts";
import { runGit } from "../../git/process/git-process.ts";
import { requireGit } from "../../git/process/git-version.ts";
import { createRootCommit } from "../../git/repository/root-commit.ts";
import { findWorkspace, placeAt, WORK_ROOT_FILE, type WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { refuseNewerState } from "../../store/formats.ts";
import { statePaths } from "../../store/state-paths.ts";
import { emptyLedger } from "../../task/ledger/ledger.ts";
import type { FileEdit } from "../../task/records/commit-plan.ts";
import { INBOX, LEDGER, SESSIONS } from "../../task/records/workspace-paths.ts";
import { DEFAULT_POLICY } from "../../task/rights/policy.ts";
import { isBelow } from "../../task/rights/rights.ts";
import { asKeptText, type KeptText } from "../../task/text/kept-text.ts";
import { shellWord } from "../../task/text/shell-word.ts";
import { withOwnCommitter } from "./own-committer.ts";

/** What makes git keep our files byte for byte and merge them by union. Raw bytes: with autocrlf they would show as modified for ever (measured). */
export const ATTRIBUTES = `# codex-inbox: our files are kept byte for byte; append-only ones merge by union.
inbox/** -text -filter -ident -working-tree-encoding
tasks.md merge=union -text -filter -ident -working-tree-encoding
tasks/** merge=union -text -filter -ident -working-tree-encoding
sessions/** merge=union -text -filter -ident -working-tree-encoding
archive/** merge=union -text -filter -ident -working-tree-encoding
`;

/** Where these lines stand. */
export const ATTRIBUTES_FILE = ".gitattributes";

const INBOX_README = `# Inbox

Drop a Markdown file here: its text is the prompt. It leaves this folder when it is accepted; its result comes back as a commit.
A sub-folder names the session: \`docs/typo.md\` continues the conversation "docs".

Not taken: names that begin with a dot or an underscore (drafts), README.md, and \`*.error.md\`, which say what is wrong with a file.
`;

const INBOX_IGNORE = `# What is wrong with a dropped file is said beside it; it is committed only where the broken file is.
*.error.md
`;

const MESSAGE = asKeptText(
  "codex-inbox: this folder is a workspace\n\nMarkdown files dropped into inbox/ become tasks for codex.\n",
);

/**
 * Makes a workspace and commits what that adds: in the current checkout and branch, or on a branch of its own in a linked worktree.
 * Doing it again adds what is missing and nothing else.
 *
 * @returns what to tell the user, line by line
 * @throws CoordinatorError `REFUSED` where it would touch what the user has not committed, or would make a second workspace unasked
 */
export async function initWorkspace(dir: string, options: InitOptions): Promise<readonly string[]> {
  await requireGit(process.env);
  if (options.branch !== undefined) return initBranch(dir, options.branch, options);
  if (options.dir !== undefined) throw new CoordinatorError("USAGE", "--dir goes with --branch");
  const place = await placeAt(dir);
  if (place.branch === undefined) {
    throw new CoordinatorError(
      "REFUSED",
      `${place.topDir} is on no branch (detached HEAD): switch to the branch that shall hold the workspace`,
    );
  }
  refuseObstacles(place.workspaceDir);
  refuseNewerState(place.stateDir);
  if (!options.another) await refuseSecond(dir, (there) => there.workspaceDir !== place.workspaceDir);
  const commit = await addLayout(place, place.branch);
  mkdirSync(join(place.workspaceDir, INBOX), { recursive: true });
  writeFirstPolicy(place);
  return [
    commit === undefined
      ? `${place.workspaceDir} is a workspace already.`
      : `Made ${place.workspaceDir} a workspace (commit ${commit.slice(0, 10)}).`,
    ...nextSteps("codex-inbox"),
  ];
}

/** What stands where a folder of ours goes is told before anything is committed. */
function refuseObstacles(workspaceDir: string): void {
  for (const name of [INBOX, SESSIONS]) {
    const path = join(workspaceDir, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== false) continue;
    throw new CoordinatorError("REFUSED", `${path} is there and no folder: move it away, then init again`);
  }
}

/** A folder in a workspace, or in a checkout that has one elsewhere, would get a second queue that takes none of the tasks of the first. */
async function refuseSecond(dir: string, isOther: (there: WorkspacePlace) => boolean): Promise<void> {
  const there = await workspaceAt(dir);
  if (there === undefined || !isOther(there)) return;
  const message = `${there.workspaceDir} is the workspace of this checkout already: ${served(there.workspaceDir)}`;
  throw new CoordinatorError("REFUSED", `${message}. For a further one with tasks of its own, give --another`);
}

function served(workspaceDir: string): string {
  return `codex-inbox -C ${shellWord(workspaceDir)} serve`;
}

async function workspaceAt(dir: string): Promise<WorkspacePlace | undefined> {
  try {
    return await findWorkspace(dir, (stateDir) => existsSync(statePaths(stateDir).server));
  } catch (error) {
    if (error instanceof CoordinatorError && error.code === "NOT_FOUND") return undefined;
    throw error; // It has several: the message names them.
  }
}

async function initBranch(
  dir: string,
  branchName: string,
  { dir: wanted, another }: InitOptions,
): Promise<readonly string[]> {
  const code = await placeAt(dir);
  const target = resolve(dir, wanted ?? join(dirname(code.topDir), `${basename(code.topDir)}-inbox`));
  if (existsSync(target)) {
    const isOurs = (await workspaceAt(dir))?.workspaceDir === realPathOf(target);
    const then = isOurs ? `, and serves this checkout: ${served(target)}` : ": name another folder with --dir";
    throw new CoordinatorError("REFUSED", `${target} is there already${then}`);
  }
  if (isBelow(code.topDir, realPathOf(target)))
    throw new CoordinatorError(
      "REFUSED",
      `${target} lies in ${code.topDir}, where agents work: name a folder outside it with --dir`,
    );
  if (!another) await refuseSecond(dir, () => true);
  const ref = `refs/heads/${branchName}`;
  const listed = await runGit(code, ["for-each-ref", "--format=%(refname)", ref]);
  const exists = listed.stdout.toString("utf8").trim() !== "";
  // A linked worktree needs a commit to check out.
  if (!exists) await createRootCommit(code, { branch: ref, message: MESSAGE, files: newFiles(), timeMs: Date.now() });
  const { status, stderr } = await runGit(code, ["worktree", "add", "--quiet", "--", target, branchName]);
  if (status !== 0) {
    const said = stderr.replace(/^fatal: /, "");
    throw new CoordinatorError("REFUSED", `cannot make a worktree for ${branchName}: ${said}`);
  }
  const place = await placeAt(target);
  if (exists) await addLayout(place, ref);
  writeFileAtomic(join(place.stateDir, WORK_ROOT_FILE), `${code.topDir}\n`);
  writeFirstPolicy(place);
  return [
    `Made ${target} a workspace on the branch ${branchName}. Agents work in ${code.topDir}.`,
    ...nextSteps(`codex-inbox -C ${relative(process.cwd(), target) || "."}`),
  ];
}

/** What tasks may ask for, to be seen and edited. One that is there stays as it is, whatever it says. */
function writeFirstPolicy({ stateDir, workRoot }: WorkspacePlace): void {
  const { policy: path } = statePaths(stateDir);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) writePolicy(path, DEFAULT_POLICY, workRoot);
}

function nextSteps(command: string): readonly string[] {
  return [`Serve it:     ${command} serve`, `Add a task:   ${command} add "Say hello"`];
}

/**
 * Commits what is missing of the layout; returns the commit, or `undefined` where nothing was.
 *
 * @throws CoordinatorError `REFUSED` where it would touch what the user has not committed; `TRY_AGAIN`
 */
export async function addLayout(place: WorkspacePlace, branchName: string): Promise<string | undefined> {
  return withOwnCommitter(place, branchName, async (branch, commit) => {
    await refuseUncommittedAttributes(place, branch);
    return commit({ label: "init", message: MESSAGE, edits: layout() });
  });
}

/** Git itself reads no larger one (2.43). */
const ATTRIBUTES_BYTES_MAX = 100 * 1024 * 1024;

function layout(): readonly FileEdit[] {
  const missing =
    (content: string): FileEdit["apply"] =>
    (current) =>
      current === undefined ? asKeptText(content) : "unchanged";
  return [
    {
      path: asKeptText(ATTRIBUTES_FILE),
      apply: (current = "") =>
        current.includes(ATTRIBUTES) ? "unchanged" : asKeptText(withNewline(current) + ATTRIBUTES),
    },
    { path: asKeptText(`${INBOX}/.gitignore`), apply: missing(INBOX_IGNORE) },
    { path: asKeptText(`${INBOX}/README.md`), apply: missing(INBOX_README) },
    { path: asKeptText(LEDGER), apply: (current) => (current === undefined ? emptyLedger() : "unchanged") },
  ];
}

/** The layout as the files of a new branch. */
function newFiles(): ReadonlyMap<string, KeptText> {
  return new Map(
    layout().flatMap(({ path, apply }) => {
      const content = apply(undefined);
      return content === "unchanged" || content === "absent" ? [] : [[path, content] as const];
    }),
  );
}

/** Our attributes have to reach the work tree: without them git would not keep our files as they are. */
async function refuseUncommittedAttributes(
  place: WorkspacePlace,
  branch: Pick<Branch, "readText" | "headIsOurs">,
): Promise<void> {
  if (!(await branch.headIsOurs())) return;
  const path = join(place.workspaceDir, ATTRIBUTES_FILE);
  const onDisk = readBoundedText(path, ATTRIBUTES_BYTES_MAX, { followLinks: true }) ?? "";
  if (onDisk.includes(ATTRIBUTES) || onDisk === ((await branch.readText(ATTRIBUTES_FILE)) ?? "")) return;
  throw new CoordinatorError(
    "REFUSED",
    `${path} has changes that are not committed, and codex-inbox has to add to it: commit or discard them first`,
  );
}

function withNewline(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

export interface InitOptions {
  /** Name of a branch of its own for the workspace, in a linked worktree. */
  readonly branch: string | undefined;
  readonly dir: string | undefined;
  /** Also in a workspace, or where the checkout has one elsewhere. */
  readonly another: boolean;
}
