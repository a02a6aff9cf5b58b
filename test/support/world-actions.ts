import { existsSync } from "node:fs";
import { join } from "node:path";
import type { WorkspacePlace } from "../../src/git/repository/workspace-place.ts";
import type { World } from "./world.ts";

/** Tells whether the work tree has a file. */
export function isOnDisk(world: World, path: string): boolean {
  return existsSync(join(world.dir, path));
}

/** Ends every run under way, one after the other, until nothing runs. */
export async function finishAll(world: World): Promise<void> {
  for (;;) {
    const run = world.runner.started.find(({ probe }) => probe === "alive");
    if (run === undefined) return;
    world.runner.end(run);
    await world.settle();
  }
}

/** Where commands find the workspace of a world. */
export function placeOf({ dir, paths }: World): WorkspacePlace {
  const gitDir = join(dir, ".git");
  const repository = { topDir: dir, gitDir, commonDir: gitDir, branch: "refs/heads/main" };
  return { ...repository, workspaceDir: dir, stateDir: paths.root, workRoot: dir };
}
