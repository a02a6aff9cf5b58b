import type { RunVerdict } from "../../src/task/state/run.ts";
import { createWorld, type World } from "./world.ts";

/** Serves, and starts one task of the session "docs". */
export async function running(frontMatter = ""): Promise<{
  world: World;
  id: string;
  find: () => Promise<object>;
}> {
  const world = createWorld();
  const coordinator = await world.start();
  world.drop("docs/x.md", `---\n${frontMatter}\n---\nFix it.\n`);
  await world.settle();
  const id = world.accepted(0);
  return { world, id, find: () => coordinator.find(id) };
}

/** Ends the run of "docs", and lets the coordinator take that in. */
export async function end(world: World, verdict: Partial<RunVerdict> = {}): Promise<void> {
  world.runner.end(world.runner.of("docs"), verdict);
  await world.settle();
}
