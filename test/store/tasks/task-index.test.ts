import fc from "fast-check";
import { expect, it } from "vitest";
import { awaitsIntakeCommit, isFinished, type OpenTask } from "../../../src/store/tasks/open-task.ts";
import { createTaskIndex } from "../../../src/store/tasks/task-index.ts";
import { UNKNOWN_ORIGIN } from "../../../src/task/rights/origin.ts";
import { taskRecord } from "../../support/task-record.ts";
import { ENDED, QUEUED, RUNNING, VERIFYING } from "../../support/task-states.ts";

const SPEC = taskRecord().spec;
const ids = fc.constantFrom("a", "b", "c", "d", "e");

const anyTask = (id: string): fc.Arbitrary<OpenTask> =>
  fc.record({
    id: fc.constant(id),
    sessionKey: fc.constant("docs"),
    path: fc.constant(`sessions/docs/2026-11-20/${id}.md`),
    order: fc.constant("abcde".indexOf(id)),
    origin: fc.constant(UNKNOWN_ORIGIN),
    arrival: fc.constant(UNKNOWN_ORIGIN),
    editor: fc.constant(undefined),
    acceptedAtMs: fc.constant(1),
    stateSinceMs: fc.constant(1),
    clone: fc.constant("c1"),
    spec: fc.constantFrom(SPEC, { ...SPEC, followUpDepth: 1 }, { ...SPEC, parent: "p" }),
    source: fc.option(
      fc.record({
        path: fc.constantFrom("inbox/x.md", "inbox/y.md"),
        blob: fc.constantFrom("1", "2"),
        tracked: fc.constantFrom("untracked", "staged", "head"),
      }),
      { nil: undefined },
    ),
    droppedBy: fc.constantFrom(undefined, { task: "p", run: 1 }, { task: "p", run: 2 }),
    aliases: fc.constantFrom([], [`${id}-before`], [`${id}-before`, `${id}-earlier`]),
    state: fc.oneof(
      fc.constantFrom(QUEUED, { ...QUEUED, run: 2 }, RUNNING, VERIFYING),
      fc.nat(3).map((endedAtMs) => ({ ...ENDED, endedAtMs })),
    ),
    lastRun: fc.constant(undefined),
    warnings: fc.constant([]),
    dropGone: fc.boolean(),
    needsClaim: fc.constant(false),
    claim: fc.constant(undefined),
    superseded: fc.constant(undefined),
    committed: fc.constant(false),
  });

const changes = fc.array(ids.chain((id) => fc.tuple(fc.constant(id), fc.option(anyTask(id), { nil: undefined }))));

it("after any history it says what a look at every task would", () => {
  fc.assert(
    fc.property(changes, (history) => {
      const index = createTaskIndex();
      const tasks = new Map<string, OpenTask>();
      for (const [id, after] of history) {
        index.change(tasks.get(id), after);
        if (after === undefined) tasks.delete(id);
        else tasks.set(id, after);
      }
      const all = [...tasks.values()].sort((a, b) => a.order - b.order);
      const open = all.filter((task) => !isFinished(task));
      const isRunning = ({ state }: OpenTask): boolean => state.kind === "running" || state.kind === "verifying";
      const endOf = ({ state }: OpenTask): number => (state.kind === "ended" ? state.endedAtMs : 0);
      const byOrder = (found: readonly OpenTask[]): readonly OpenTask[] => found.toSorted((a, b) => a.order - b.order);

      expect(index.counts()).toEqual({
        queued: open.filter((task) => !isRunning(task)).length,
        running: open.filter(isRunning).length,
        finished: all.length - open.length,
        awaitingIntakeCommit: open.filter(awaitsIntakeCommit).length,
        followUps: open.filter(({ spec, droppedBy }) => spec.followUpDepth > 0 && droppedBy === undefined).length,
      });
      expect(index.finished()).toEqual(all.filter(isFinished).sort((a, b) => endOf(a) - endOf(b) || a.order - b.order));
      expect(byOrder(index.awaitingIntakeCommit())).toEqual(open.filter(awaitsIntakeCommit));
      expect(byOrder(index.running())).toEqual(open.filter(isRunning));
      for (const id of ["a-before", "b-earlier", "e-before"])
        expect(index.withAlias(id)).toBe(all.find(({ aliases }) => aliases.includes(id)));
      for (const run of [1, 2, 3])
        expect(index.droppedBy({ task: "p", run })).toBe(all.filter(({ droppedBy }) => droppedBy?.run === run).length);
      for (const path of ["inbox/x.md", "inbox/y.md"]) {
        const here = all.filter(({ source }) => source?.path === path);
        expect(index.queuedFrom(path)).toBe(here.findLast(({ state }) => state.kind === "queued" && state.run === 1));
        for (const blob of ["1", "2"])
          expect(index.takenFrom({ path, blob })).toBe(
            here.findLast(
              ({ source, dropGone }) => source?.blob === blob && source.tracked !== "untracked" && !dropGone,
            ),
          );
      }
    }),
  );
});
