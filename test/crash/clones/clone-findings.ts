import { foldLedger, isFinal } from "../../../src/task/ledger/ledger.ts";
import type { AskedTask } from "../asked-tasks.ts";
import { checkBytes, checkNotAgain, checkStarts, checkTranscripts, readNotes } from "../findings/agent-findings.ts";
import { refusedAsArchived } from "../findings/archived-drops.ts";
import {
  type BranchContent,
  checkDoctor,
  checkLeftovers,
  checkOutcomes,
  checkUser,
  readBranch,
} from "../findings/branch-findings.ts";
import type { TortureHome } from "../home/torture-home.ts";
import { verifiedIn } from "../torture-run.ts";
import type { SharedHomes } from "./shared-homes.ts";

/** Looks whether what is promised of clones that share a remote was kept; all of them are at rest. */
export async function checkShared(shared: SharedHomes, isCalm: boolean): Promise<readonly string[]> {
  const { homes, bare } = shared;
  const content = readBranch({ repo: bare });
  const notes = readNotes(homes[0]);
  const refused = refusedEverywhere(shared);
  const problems = [
    ...checkOutcomes({ tasks: shared.tasks.filter((task) => !refused.includes(task)) }, content),
    ...checkHistory(shared, content),
    ...checkStarts(notes),
    ...checkNotAgain(notes, verifiedIn(shared)),
    ...checkOneClone(notes),
    ...checkTranscripts(notes, content),
    ...checkSame(shared),
  ];
  for (const home of homes) {
    const { user } = home;
    const clone = cloneOf(home);
    const ofHome = [
      ...(await checkUser(home)),
      ...checkBytes(
        home,
        notes.filter(({ marker }) => marker.startsWith(`${clone}/`)),
      ),
      ...checkLeftovers(home, refusedAsArchived(home.repo, shared.tasks)),
      ...(await checkDoctor(home)),
      ...(isCalm ? user.failures.map((text) => `a command of the user's has failed: ${text}`) : []),
    ];
    problems.push(...ofHome.map((text) => `${user.dir}: ${text}`));
  }
  return problems;
}

/** Returns the tasks that were refused wherever their drops lie: in the clone where they were written; those that were committed in both. */
export function refusedEverywhere({ homes, tasks }: SharedHomes): readonly AskedTask[] {
  const refusedBy = homes.map(({ dir, repo }) => ({ dir, refused: new Set(refusedAsArchived(repo, tasks)) }));
  return tasks.filter((task) =>
    refusedBy.every(({ dir, refused }) => refused.has(task) || (task.way !== "committed" && task.dir !== dir)),
  );
}

function cloneOf({ repo }: Pick<TortureHome, "repo">): string {
  return repo.read(".git/codex-inbox/clone")?.slice(0, 6) ?? "none";
}

/** Returns the tasks that agents of more than one clone have worked at. */
function checkOneClone(notes: ReturnType<typeof readNotes>): readonly string[] {
  const starts = notes.filter(({ kind }) => kind === "start");
  return [...Map.groupBy(starts, ({ task }) => task)].flatMap(([task, same]) => {
    const clones = new Set(same.map(({ marker }) => marker.split("/", 1)[0]));
    return clones.size > 1 ? [`${task} has run in ${clones.size} clones: ${same.map(({ marker }) => marker)}`] : [];
  });
}

/**
 * Returns the results that are in more than one commit of the history that all share, other than by merges. The turns of sessions that
 * landed name their tasks as well, and a run.
 */
function checkHistory({ bare }: SharedHomes, { tasks }: BranchContent): readonly string[] {
  const trailer = (key: string): string => `%(trailers:key=${key},valueonly,separator=%x20)`;
  const commits = bare
    .git("log", "--no-merges", `--format=${trailer("Task-Id")} ${trailer("Run")}`, "main")
    .split("\n");
  const named = commits.map((line) => line.trim().split(" ")).filter(([id]) => id !== "");
  const known = new Set(tasks.map(({ id }) => id));
  const strangers = new Set(named.map(([id = ""]) => id).filter((id) => !known.has(id)));
  const results = named.filter(([, run]) => run === undefined);
  const twice = [...Map.groupBy(results, ([id]) => id)].filter(([, same]) => same.length > 1);
  return [
    ...twice.map(([id, same]) => `the result of ${id} is ${same.length} times in the history of the remote`),
    ...[...strangers].map((id) => `a commit names ${id}, which has no file`),
  ];
}

/** By ordinary pulls all come to the same tree. */
function checkSame({ homes, bare, pusher }: SharedHomes): readonly string[] {
  const problems: string[] = [];
  const repos = [...homes.map(({ repo }) => repo), pusher];
  for (const repo of repos) {
    const { status, stderr } = repo.tryGit("pull", "--quiet", "--no-edit", "origin", "main");
    if (status !== 0) problems.push(`a plain pull in ${repo.dir} fails: ${stderr}`);
  }
  const trees = [...repos, bare].map((repo) => repo.git("rev-parse", "main^{tree}"));
  if (new Set(trees).size > 1) problems.push(`the clones and the remote have not the same tree: ${trees.join(", ")}`);
  return problems;
}

/** Why the clones and their remote are not at rest yet; `undefined` when they are. */
export function unrest(shared: SharedHomes): string | undefined {
  const { homes, bare } = shared;
  const claims = bare.git("for-each-ref", "--format=%(refname)", "refs/codex-inbox/claims");
  if (claims !== "") return `claims are left: ${claims}`;
  const tip = bare.git("rev-parse", "main");
  for (const { repo } of homes)
    if (repo.git("rev-parse", "main") !== tip) return `${repo.dir} is not where the remote is`;
  const drops = bare.git("ls-tree", "-r", "--name-only", "main", "inbox").match(/.*\.md$/gm) ?? [];
  const refused = new Set(drops.length > 1 ? refusedEverywhere(shared).map(({ path }) => path) : []);
  const waiting = drops.filter((path) => !path.endsWith("README.md") && !refused.has(path));
  if (waiting.length > 0) return `the remote holds ${waiting}`;
  const rows = readBranch({ repo: bare }).rows;
  const open = [...foldLedger(rows).values()].filter(({ status }) => !isFinal(status));
  return open.length > 0 ? `${open.map(({ task, status }) => `${task} is ${status}`)}` : undefined;
}
