import { expect, it } from "vitest";
import { openTasksInMemory, presentTasks } from "../../../../src/app/queries/tasks/open-tasks.ts";
import { readTaskJournal } from "../../../../src/store/journal/journal-reader.ts";
import { fold } from "../../../../src/store/tasks/open-task.ts";
import { createWorld } from "../../../support/world.ts";

it("a task whose journal moves away while it is asked for is shown as it ended, and not without its answer", async () => {
  const world = createWorld();
  await world.start();
  world.drop("docs/1.md", "Do it.\n");
  await world.settle();
  world.runner.end(world.runner.of("docs"));
  await world.settle();
  await world.advance(1_000);
  const id = world.accepted(0);
  const journal = readTaskJournal(world.paths.journal);
  const records = journal.readDone(id);
  expect([journal.read(id), records.at(-1)?.k]).toEqual([[], "committed"]);
  const seen = fold(records.slice(0, -1)); // What memory held a moment before.
  const open = openTasksInMemory({ all: [seen], journal, holds: new Map(), progress: () => undefined });
  const [shown] = await presentTasks(open, open.all);
  const { warnings: _, thread: _seen, ...committed } = await world.queries.find(id);
  expect(shown).toMatchObject({ ...committed, result: "Done.", committed: true });
});
