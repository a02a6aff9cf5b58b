/**
 * What worktrees of sessions cost: making one, a snapshot of what a turn has changed, and of nothing, and parking it; and several made
 * at once. Of a repository with so many files, each of 500 bytes.
 *
 *   npx node bench/worktrees.ts [--files 100,10000,100000] [--sessions 10]
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { leaseOfRecord } from "../src/run/workplace/worktrees/session-worktrees.ts";
import { makeGitRepo } from "../test/support/git-repo.ts";
import { openSessionTrees } from "../test/support/session-trees.ts";

const { values } = parseArgs({ options: { files: { type: "string" }, sessions: { type: "string" } } });
const counts = (values.files ?? "100,10000,100000").split(",").map(Number);
const sessions = Number(values.sessions ?? 10);
const CHANGED = 23;
const FILES_EACH_FOLDER = 100;

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
    const manyMs = await timed(() => Promise.all(all.map((session) => worktrees.open(session, () => true))));
    return `${one}; ${sessions} at once ${manyMs} ms`;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

for (const files of counts) console.log(await measure(files));
