import { createInterface } from "node:readline";
import { openLinkedWorktrees } from "../../src/git/worktrees/linked-worktrees.ts";

/** Makes the worktree that each line on stdin names ("<dir> <branch> <base>") of the repository in argv, and says so. */
const [topDir = ""] = process.argv.slice(2);
const repository = { topDir, gitDir: `${topDir}/.git`, commonDir: `${topDir}/.git` };
const trees = openLinkedWorktrees({ repository, trashDir: `${topDir}/.git/trash`, environment: async () => ({}) });

for await (const line of createInterface({ input: process.stdin })) {
  const [dir = "", branch = "", base = ""] = line.split(" ");
  await trees.add({ dir, branch, base, reason: "a test", sparse: [] });
  console.log("made");
}
