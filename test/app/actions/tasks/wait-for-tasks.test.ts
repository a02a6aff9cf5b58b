import { describe, expect, it } from "vitest";
import { type WaitDeps, type WaitRequest, waitForTasks } from "../../../../src/app/actions/tasks/wait-for-tasks.ts";
import type { InboxView } from "../../../../src/app/queries/tasks/waiting-drops.ts";
import type { TaskView } from "../../../../src/app/views/task-view.ts";
import { CoordinatorError } from "../../../../src/base/errors.ts";
import { taskView } from "../../../fakes/fake-cli-deps.ts";

const [A, B] = ["20261120-141530-aaaaaa", "20261120-141531-bbbbbb"];

/** A workspace of which time tells: each pause, or request that waits, is a moment. `tasks` and `inbox` say how it is in each moment. */
function workspace(
  moments: readonly { tasks: readonly TaskView[]; inbox?: InboxView; served?: boolean }[],
  answersAtOnce = false,
) {
  let at = 0;
  let nowMs = 0;
  const pauses: number[] = [];
  const polls: string[] = [];
  const said: string[] = [];
  const now = () => moments[Math.min(at, moments.length - 1)] ?? { tasks: [] };
  const find = async (part: string): Promise<TaskView> => {
    const task = now().tasks.find(({ id }) => id.includes(part));
    if (task === undefined) throw new CoordinatorError("NOT_FOUND", `there is no task "${part}"`);
    return task;
  };
  const deps: WaitDeps = {
    open: async () => ({ find, waiting: async () => now().inbox ?? { inbox: null, broken: [] } }),
    async longPoll(id, seconds) {
      polls.push(`${id.slice(-6)} ${seconds}`);
      at += 1;
      nowMs += answersAtOnce ? 1 : seconds * 1_000;
      return now().served === false ? undefined : find(id);
    },
    isServed: () => now().served !== false,
    now: () => nowMs,
    async sleep(ms) {
      pauses.push(ms);
      at += 1;
      nowMs += ms;
    },
  };
  const request: WaitRequest = {
    timeoutMs: undefined,
    tell: (what) => said.push(typeof what === "string" ? what : `${what.id.slice(-6)} ${what.status} ${what.hold}`),
    unserved: () => said.push("nobody serves"),
  };
  return { deps, request, pauses, polls, said };
}

function task(id: string, status: string, change: Partial<TaskView> = {}): TaskView {
  return taskView({ id, status, ...change });
}

describe("waiting", () => {
  it("asks the coordinator, which answers when a task has ended, and says what is waited for whenever that changes", async () => {
    const { deps, request, polls, said, pauses } = workspace([
      { tasks: [task(A, "queued", { hold: "paused" }), task(B, "succeeded")] },
      { tasks: [task(A, "queued", { hold: "paused" }), task(B, "succeeded")] },
      { tasks: [task(A, "running"), task(B, "succeeded")] },
      { tasks: [task(A, "failed"), task(B, "succeeded")] },
    ]);
    const waited = await waitForTasks(deps, ["aaaaaa", "bbbbbb"], request);
    expect(waited.map((one) => [one.part, one.task?.status, one.hasEnded])).toEqual([
      ["aaaaaa", "failed", true],
      ["bbbbbb", "succeeded", true],
    ]);
    expect(polls).toEqual(["aaaaaa 25", "aaaaaa 25", "aaaaaa 25"]);
    expect(said).toEqual(["aaaaaa queued paused", "aaaaaa running null"]);
    expect(pauses).toEqual([]);
  });

  it("looks at the files with growing pauses while nobody serves, and says so once; then asks who serves", async () => {
    const queued = [task(A, "queued")];
    const { deps, request, polls, said, pauses } = workspace([
      ...Array.from({ length: 12 }, () => ({ tasks: queued, served: false })),
      { tasks: queued },
      { tasks: [task(A, "succeeded")] },
    ]);
    expect(await waitForTasks(deps, [A], request)).toMatchObject([{ hasEnded: true }]);
    expect(said).toEqual(["aaaaaa queued null", "nobody serves"]);
    expect(pauses.slice(0, 3)).toEqual([250, 375, 562.5]);
    expect([pauses.length, pauses.at(-1)]).toEqual([12, 5_000]);
    expect(polls).toEqual(["aaaaaa 25"]);
  });

  it("asks a coordinator that answers at once with growing pauses: it ends, or another clone runs the task", async () => {
    const moments = Array.from({ length: 8 }, () => ({ tasks: [task(A, "queued")] }));
    const { deps, request, polls, pauses } = workspace([...moments, { tasks: [task(A, "succeeded")] }], true);
    expect(await waitForTasks(deps, [A], request)).toMatchObject([{ hasEnded: true }]);
    expect([polls.length, pauses]).toEqual([5, [250, 375, 562.5, 843.75]]);
  });

  it("says nothing of that where nothing is open", async () => {
    const { deps, request, said } = workspace([{ tasks: [task(A, "succeeded")], served: false }]);
    expect(await waitForTasks(deps, [A], request)).toMatchObject([{ hasEnded: true }]);
    expect(said).toEqual([]);
  });

  it("ends when the time is over, also while a request waits", async () => {
    const { deps, request, polls } = workspace([{ tasks: [task(A, "running"), task(B, "succeeded")] }]);
    const waited = await waitForTasks(deps, [A, B], { ...request, timeoutMs: 30_500 });
    expect(waited.map(({ hasEnded }) => hasEnded)).toEqual([false, true]);
    expect(polls).toEqual(["aaaaaa 25", "aaaaaa 5"]);
  });

  it("waits for a file that is still in inbox/ under its id, also between there and the journal", async () => {
    const inbox = { inbox: { count: 1, paths: [`inbox/docs/${A}.md`] }, broken: [] };
    const { deps, request, said } = workspace([
      { tasks: [], inbox, served: false },
      { tasks: [], inbox },
      { tasks: [] },
      { tasks: [task(A, "succeeded")] },
    ]);
    expect(await waitForTasks(deps, ["aaaaaa"], request)).toMatchObject([{ task: { id: A }, hasEnded: true }]);
    expect(said).toEqual([`inbox/docs/${A}.md`, "nobody serves"]);
  });

  it("ends where such a file is refused, where it is gone for good, and where there is nothing of that name at all", async () => {
    const inbox = { inbox: { count: 1, paths: [`inbox/${A}.md`] }, broken: [] };
    const refused = workspace([
      { tasks: [], inbox },
      { tasks: [], inbox: { inbox: null, broken: [`inbox/${A}.md`] } },
    ]);
    const message = `inbox/${A}.md was refused: inbox/${A}.error.md says why`;
    await expect(waitForTasks(refused.deps, [A], refused.request)).rejects.toMatchObject({
      code: "TASK_FILE",
      message,
    });
    const gone = workspace([{ tasks: [], inbox }, { tasks: [] }]);
    await expect(waitForTasks(gone.deps, [A], gone.request)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const nothing = workspace([{ tasks: [task(B, "running")] }]);
    await expect(waitForTasks(nothing.deps, [B, A], nothing.request)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(nothing.polls).toEqual([]);
  });
});
