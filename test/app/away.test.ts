import { existsSync, renameSync } from "node:fs";
import { expect, it } from "vitest";
import { createWorld } from "../support/world.ts";

it("a stop, a pause and a resume do not make the coordinator's folder anew while it is away", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  world.drop("later.md", "---\nnotBefore: 2027-01-01T00:00:00Z\n---\nLater.\n");
  await world.settle();
  const [task] = (await coordinator.list({ finished: 0 })).tasks;
  const { root } = world.paths;
  renameSync(root, `${root}.away`);
  const asks = [
    () => coordinator.stop(task?.id ?? ""),
    () => coordinator.pause({ session: undefined, reason: undefined }),
    () => coordinator.resume(undefined),
  ];
  for (const ask of asks) await expect(ask()).rejects.toMatchObject({ code: "TRY_AGAIN" });
  expect(existsSync(root)).toBe(false);
  renameSync(`${root}.away`, root);
  await coordinator.pause({ session: undefined, reason: undefined });
  expect((await coordinator.stop(task?.id ?? "")).asked).toBe(true);
});
