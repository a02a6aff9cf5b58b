import { expect, it } from "vitest";
import { rememberHistory } from "../../../../src/app/queries/tasks/remembered-history.ts";
import type { HistoryEntry } from "../../../../src/git/repository/task-history.ts";

function entry(n: number, session = "docs"): HistoryEntry {
  return {
    commit: `c${n}`,
    committedAt: "2026-11-20T14:15:30Z",
    task: `t${n}`,
    session,
    status: "failed",
    subject: "x",
  };
}

function remembered(length: number) {
  const asked: number[] = [];
  const state = { tree: "1" as string | undefined, first: 0 };
  const newest = async (count: number, session?: string): Promise<readonly HistoryEntry[]> => {
    asked.push(count);
    return Array.from({ length: Math.min(count, length) }, (_, n) => entry(state.first + n, session));
  };
  const branch = { treeId: async () => state.tree };
  return {
    asked,
    state,
    history: rememberHistory(
      { newest, withId: async () => [], inThread: async () => [], inSession: async () => [] },
      branch,
    ),
  };
}

const tasks = (entries: readonly HistoryEntry[]): string => entries.map(({ task }) => task).join();

it("asks git once for what it was asked before, and less often the further pages are turned", async () => {
  const { asked, history } = remembered(50);
  expect(tasks(await history.newest(3))).toBe("t0,t1,t2");
  expect(tasks(await history.newest(2, undefined, []))).toBe("t0,t1");
  expect(tasks(await history.newest(4))).toBe("t0,t1,t2,t3");
  expect(tasks(await history.newest(8))).toBe("t0,t1,t2,t3,t4,t5,t6,t7");
  expect((await history.newest(60)).length).toBe(50);
  expect((await history.newest(1_000)).length).toBe(50); // There are no more.
  expect(asked).toEqual([3, 8, 120]);
});

it("knows sessions and statuses apart, and asks anew once the branch holds something else, or nothing", async () => {
  const { asked, state, history } = remembered(50);
  await history.newest(3);
  await history.newest(3, "docs");
  await history.newest(3, undefined, ["failed"]);
  await history.newest(3, "docs");
  expect(asked).toHaveLength(3);
  Object.assign(state, { tree: "2", first: 7 });
  expect(tasks(await history.newest(3))).toBe("t7,t8,t9");
  state.tree = undefined;
  await history.newest(3);
  await history.newest(3);
  expect(asked).toHaveLength(6);
});
