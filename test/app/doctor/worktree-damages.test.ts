import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type DamagedWorkspace, damagedWorkspace } from "./damaged-workspace.ts";

/** Gives the session `docs` a worktree; returns its folder. */
function plantWorktree({ repo, paths }: DamagedWorkspace): string {
  const [slug, branch] = ["docs-1a2b3c", "codex-inbox/docs-1a2b3c"];
  const dir = join(repo.dir, "../repo-inbox-trees", slug);
  repo.git("worktree", "add", "--quiet", "--lock", "--reason", "codex-inbox docs", "-b", branch, dir);
  const base = repo.git("rev-parse", "HEAD");
  const record = { v: 1, slug, session: "docs", branch, base, dir, slot: 0, state: "ready", atMs: 1, usedAtMs: 1 };
  mkdirSync(paths.worktrees, { recursive: true });
  writeFileSync(join(paths.worktrees, `${slug}.json`), JSON.stringify(record));
  return dir;
}

it.each<{
  name: string;
  level: "problem" | "note";
  says: RegExp;
  remedy: RegExp;
  damage: (workspace: DamagedWorkspace, dir: string) => void;
}>([
  {
    ...{ name: "is gone", level: "note", says: /session docs is gone/, remedy: /makes it again/ },
    damage: (_workspace, dir) => rmSync(dir, { recursive: true }),
  },
  {
    ...{
      name: "was moved by git",
      level: "problem",
      says: /was moved to .*away; move it back: git /,
      remedy: /remove it/,
    },
    damage: ({ repo }, dir) => void repo.git("worktree", "move", "-f", "-f", dir, `${dir}-away`),
  },
  {
    ...{ name: "has no .git file", level: "problem", says: /git does not know/, remedy: /worktree repair docs/ },
    damage: (_workspace, dir) => renameSync(join(dir, ".git"), join(dir, ".git-away")),
  },
  {
    ...{
      name: "is on another branch",
      level: "problem",
      says: /is on mine$/,
      remedy: /switch codex-inbox\/docs-1a2b3c$/,
    },
    damage: ({ repo }, dir) => void repo.git("-C", dir, "switch", "--quiet", "-c", "mine"),
  },
])("the doctor says of a worktree that it $name", async ({ level, says, remedy, damage }) => {
  const workspace = await damagedWorkspace();
  const dir = plantWorktree(workspace);
  expect(await workspace.findings("worktrees")).toEqual([]);
  damage(workspace, dir);
  expect(await workspace.findings("worktrees")).toMatchObject([
    { level, path: dir, message: expect.stringMatching(says), remedy: expect.stringMatching(remedy) },
  ]);
});
