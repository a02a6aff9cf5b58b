import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createGitMaintenance } from "../../../src/git/objects/git-maintenance.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const looseCount = (repo: GitRepo): number => Number(/^count: (\d+)$/m.exec(repo.git("count-objects", "-v"))?.[1]);

function maintained(repo: GitRepo) {
  const state = { nowMs: 0, isQuiet: true, minutes: 60 };
  const said: string[] = [];
  const run = createGitMaintenance({
    commonDir: join(repo.dir, ".git"),
    ...{ everyMinutes: () => state.minutes, isQuiet: () => state.isQuiet, now: () => state.nowMs },
    log: (event) => said.push(event),
  });
  return { state, said, run };
}

/** Writes so many blobs, which nothing names, as git does. */
function litter(repo: GitRepo, count: number): void {
  const input = Array.from({ length: count }, (_, n) => `blob\ndata <<E\nblob ${n}\nE\n`).join("");
  const limit = `fastimport.unpackLimit=${count + 1}`;
  execFileSync("git", ["-c", limit, "fast-import", "--quiet"], { cwd: repo.dir, input });
}

it("packs what is loose and writes the commit graph, once in a while, and loses nothing", async () => {
  const repo = tempRepo();
  for (let n = 0; n < 3; n += 1) repo.git("commit", "--quiet", "--allow-empty", "-m", `commit ${n}`);
  litter(repo, 2_100);
  const before = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)");
  const { state, said, run } = maintained(repo);
  const index = repo.git("ls-files", "--stage");
  await run();
  expect([said, looseCount(repo)]).toEqual([["git-packed"], 0]);
  expect(repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")).toBe(before);
  const graphs = join(repo.dir, ".git/objects/info/commit-graphs");
  expect(readdirSync(graphs)).toHaveLength(2); // One, and the list of them.
  expect([repo.git("commit-graph", "verify"), repo.git("ls-files", "--stage")]).toEqual(["", index]);

  repo.git("commit", "--quiet", "--allow-empty", "-m", "one more");
  const list = readdirSync(graphs);
  await run();
  expect(readdirSync(graphs)).toEqual(list); // Not within the hour.
  state.nowMs += 3_600_000;
  await run();
  expect(readdirSync(graphs)).not.toEqual(list);
  expect(said).toEqual(["git-packed"]);

  const hourly = readdirSync(graphs);
  repo.git("commit", "--quiet", "--allow-empty", "-m", "after the clock was set back");
  state.nowMs -= 10 * 3_600_000;
  await run();
  expect(readdirSync(graphs)).not.toEqual(hourly);
});

it("leaves the repository alone while something runs, while git's own maintenance does, and where it is not wanted", async () => {
  const repo = tempRepo();
  repo.git("commit", "--quiet", "--allow-empty", "-m", "first");
  const { state, run } = maintained(repo);
  const lock = join(repo.dir, ".git/objects/maintenance.lock");
  const graph = join(repo.dir, ".git/objects/info/commit-graphs");
  const isLeft = async (): Promise<boolean> => {
    await run();
    return !existsSync(graph);
  };
  state.isQuiet = false;
  expect(await isLeft()).toBe(true);
  Object.assign(state, { isQuiet: true, minutes: 0 });
  expect(await isLeft()).toBe(true);
  state.minutes = 1;
  writeFileSync(lock, "");
  expect(await isLeft()).toBe(true);
  rmSync(lock);
  expect(await isLeft()).toBe(false);
});
