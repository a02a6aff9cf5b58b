/**
 * What worktrees of sessions cost: making one, a snapshot of what a turn has changed, and of nothing, and parking it; and several made
 * at once. Of a repository with so many files, each of 500 bytes.
 *
 *   npx node bench/worktrees.ts [--files 100,10000,100000] [--sessions 10] [--user 500]
 *
 * With `--user`, a user runs git commands in the checkout meanwhile, and then at least so many alone, for comparison.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { leaseOfRecord } from "../src/run/workplace/worktrees/session-worktrees.ts";
import { type GitRepo, makeGitRepo } from "../test/support/git-repo.ts";
import { openSessionTrees } from "../test/support/session-trees.ts";
import { type UserReport, workUntil } from "../test/support/user-beside.ts";

const { values } = parseArgs({
  options: { files: { type: "string" }, sessions: { type: "string" }, user: { type: "string" } },
});
const userCommands = Number(values.user ?? 0);
const counts = (values.files ?? "100,10000,100000").split(",").map(Number);
const sessions = Number(values.sessions ?? 10);
const CHANGED = 23;
const FILES_EACH_FOLDER = 100;

/** A user's commands beside the openings, and as many alone. */
async function withControl(repo: GitRepo, beside: UserReport): Promise<string> {
  let [commands, failed] = [0, 0];
  while (commands < Math.max(userCommands, beside.commands)) {
    const some = await workUntil(repo, () => true);
    commands += some.commands;
    failed += some.failures.length;
  }
  const text = `user's commands beside it ${beside.commands}, failed ${beside.failures.length}; alone ${commands}, failed ${failed}`;
  return [text, ...beside.failures].join("\n  ");
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return Math.round(performance.now() - startedMs);
}

async function measure(files: number): Promise<string> {
  const base = mkdtempSync(join(tmpdir(), "bench-worktrees-"));
  try {
    const repo = makeGitRepo(join(base, "repo"));
    for (let file = 0; file < files; file += 1) {
      const path = join(repo.dir, `d${Math.floor(file / FILES_EACH_FOLDER)}/${file}.txt`);
      if (file % FILES_EACH_FOLDER === 0) mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${file} ${"x".repeat(490)}\n`);
    }
    repo.git("add", "--all");
    repo.git("commit", "--quiet", "-m", "files");
    const { worktrees, snapshots, removal } = openSessionTrees(repo.dir);
    const openMs = await timed(() => worktrees.open("one", () => true));
    const record = await worktrees.open("one", () => true);
    const turn = { session: "one", title: "A turn", task: "20261120-141530-k3f9x2", run: 1, thread: undefined };
    const lease = leaseOfRecord(record);
    const firstMs = await timed(() => snapshots.before(lease, turn));
    for (let file = 0; file < CHANGED; file += 1) writeFileSync(join(record.dir, `d0/${file}.txt`), "changed\n");
    const changedMs = await timed(() => snapshots.after(lease, turn, Date.now()));
    const sameMs = await timed(() => snapshots.before(lease, turn));
    const parkMs = await timed(() => removal.park(record.slug, () => true));
    const indexKb = Math.round(statSync(join(repo.dir, ".git/index")).size / 1024);
    const one = `${files} files: open ${openMs} ms, first snapshot ${firstMs}, of ${CHANGED} changed ${changedMs}, of none ${sameMs}, park ${parkMs}; index ${indexKb} KB`;
    const all = Array.from({ length: sessions }, (_, number) => `session ${number}`);
    let isOver = false;
    const beside = userCommands === 0 ? undefined : workUntil(repo, () => isOver);
    const manyMs = await timed(() => Promise.all(all.map((session) => worktrees.open(session, () => true))));
    isOver = true;
    const user = await beside;
    const rest = user === undefined ? "" : `; ${await withControl(repo, user)}`;
    return `${one}; ${sessions} at once ${manyMs} ms${rest}`;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

for (const files of counts) console.log(await measure(files));
