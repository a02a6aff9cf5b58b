import type { DriverReport } from "./commit-driver.ts";
import type { GitRepo } from "./git-repo.ts";
import type { RaceUser } from "./race-user.ts";

/** Longer than a user's git needs from its first look at HEAD to `index.lock`; the committer holds it for 0.3 ms if nothing interrupts it. */
const HELD_LONG_MS = 1;

/**
 * Returns the failures of users that the committer is to blame for. The one thing that nobody can rule out is that the machine gives our
 * processor to a command of the user's while the lock is held: each such interruption excuses one command that met the lock.
 */
export function failuresToExplain(users: readonly RaceUser[], report: DriverReport): readonly string[] {
  const failures = users.flatMap((user) => user.failures);
  const interruptions = report.heldMs.filter((ms) => ms > HELD_LONG_MS).length;
  const [met, others] = [true, false].map((is) =>
    failures.filter((text) => /index\.lock': File exists/.test(text) === is),
  );
  return [...(others ?? []), ...(met ?? []).slice(interruptions)];
}

export interface RaceFindings {
  /** Commits of the user that touched a file of ours. Never more than zero. */
  readonly userTouchedOurs: number;
  /** Everything that is wrong, as sentences; empty when every result is in the branch once, on disk and staged. */
  readonly problems: readonly string[];
}

/** Looks at what a race left behind: the branch, the index and the work tree. */
export function checkOutcome(repo: GitRepo, users: readonly RaceUser[], report: DriverReport): RaceFindings {
  const problems: string[] = [];
  const touched = listUserCommits(repo);
  if (touched.length > 0) problems.push(`commits of the user touch our files: ${touched.slice(0, 3).join(", ")}`);

  const trailers = repo
    .git("log", "--no-merges", "--format=%(trailers:key=Task-Id,valueonly,separator=)", "main")
    .split("\n");
  const counts = Map.groupBy(
    trailers.filter((id) => id !== ""),
    (id) => id,
  );
  const ledger = repo.git("show", "main:tasks.md").split("\n");
  for (const id of report.tasks) {
    const times = counts.get(id)?.length ?? 0;
    if (times !== 1) problems.push(`${id} was committed ${times} times`);
    const rows = ledger.filter((row) => row === `| ${id} | succeeded |`).length;
    if (rows !== 1) problems.push(`${id} has ${rows} rows in the ledger`);
    if (repo.read(`sessions/docs/2026-11-20/${id}.md`) !== `# ${id}\n`) problems.push(`${id} is not on disk`);
  }
  if (report.leftAlone.length > 0) problems.push(`left alone: ${report.leftAlone.join(", ")}`);
  // What a later user wrote counts.
  for (const [path, text] of new Map(users.flatMap((user) => [...user.expected]))) {
    if (repo.read(path) !== text) problems.push(`the user's ${path} is not as it should be`);
  }
  const status = repo.git("status", "--porcelain");
  if (status !== "") problems.push(`status is not clean: ${status.slice(0, 200)}`);
  const fsck = repo.git("fsck", "--no-dangling");
  if (fsck !== "") problems.push(`fsck: ${fsck.slice(0, 200)}`);
  return { userTouchedOurs: touched.length, problems: problems.slice(0, 10) };
}

function listUserCommits(repo: GitRepo): readonly string[] {
  const log = repo.git("log", "--no-merges", "--grep=^user ", "--format=%H", "main", "--", "sessions", "tasks.md");
  return log.split("\n").filter((line) => line !== "");
}
