/**
 * What a snapshot of a work tree takes: `npx node bench/work-tree-snapshots.ts [files…]` (100, 10,000 and 100,000 unless given).
 * First: the index of ours is made. Unchanged: one `git ls-files`. Changed: 23 files, with the commit. `ls-files`: that alone, for comparison.
 * Each line is the median of `ROUNDS` of them, taken in turns.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConfiguredPrograms } from "../src/git/repository/configured-programs.ts";
import { locateRepository } from "../src/git/repository/known-repositories.ts";
import { createSnapshots, type SnapshotRequest } from "../src/git/snapshots/snapshot.ts";

const ROUNDS = 7;
const CHANGED = 23;
const FILES_PER_FOLDER = 100;
const ME = "Somebody <somebody@example.org>";

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function median(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return `${(sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(0).padStart(7)} ms`;
}

function makeTree(dir: string, files: number): void {
  execFileSync("git", ["init", "--quiet", dir]);
  for (let n = 0; n < files; n += 1) {
    const folder = join(dir, `folder-${Math.floor(n / FILES_PER_FOLDER)}`);
    if (n % FILES_PER_FOLDER === 0) mkdirSync(folder);
    writeFileSync(join(folder, `${n}.txt`), `file ${n}\n`.repeat(20));
  }
  const git = (...args: readonly string[]): Buffer =>
    execFileSync("git", ["-C", dir, "-c", "user.name=A", "-c", "user.email=a@b", "-c", "gc.auto=0", ...args]);
  git("add", "--all");
  git("commit", "--quiet", "--message", "first");
}

async function measure(files: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "codex-inbox-bench-"));
  try {
    makeTree(dir, files);
    const repository = locateRepository(dir);
    if (repository === undefined) throw new Error(`no repository at ${dir}`);
    const snapshots = createSnapshots({ programs: createConfiguredPrograms(), secretsIn: async () => [] });
    const head = (await snapshots.head(repository)) ?? "";
    const request = (change: Partial<SnapshotRequest> = {}): SnapshotRequest => ({
      ...{ repository, indexPath: join(dir, ".git/bench.index"), ours: [], parents: [head], rulesFrom: head },
      ...{ message: "x", author: ME, committer: ME, atMs: 0, secrets: "take" },
      limits: { fileBytesMax: 10_000_000, totalBytesMax: 200_000_000, filesMax: 20_000 },
      ...change,
    });
    const first = await timed(() => snapshots.take(request()));
    const times = { unchanged: [] as number[], changed: [] as number[], listed: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      times.unchanged.push(await timed(() => snapshots.take(request({ rulesFrom: undefined }))));
      times.listed.push(
        await timed(async () => execFileSync("git", ["-C", dir, "ls-files", "-m", "-d", "-o", "--exclude-standard"])),
      );
      for (let n = 0; n < CHANGED; n += 1) {
        const at = (n * 37) % files;
        writeFileSync(join(dir, `folder-${Math.floor(at / FILES_PER_FOLDER)}`, `${at}.txt`), `${round} ${n}\n`);
      }
      times.changed.push(await timed(() => snapshots.take(request())));
      execFileSync("git", ["-C", dir, "checkout", "--quiet", "--", "."]);
      await snapshots.take(request());
    }
    const { unchanged, changed, listed } = times;
    console.log(
      `${String(files).padStart(7)} files: first ${median([first])}, unchanged ${median(unchanged)}, ` +
        `changed ${median(changed)}, git ls-files ${median(listed)}`,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const given = process.argv.slice(2).map(Number);
for (const files of given.length > 0 ? given : [100, 10_000, 100_000]) await measure(files);
