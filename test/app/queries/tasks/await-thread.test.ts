import { describe, expect, it } from "vitest";
import { awaitThread } from "../../../../src/app/queries/tasks/await-thread.ts";
import type { TaskView } from "../../../../src/app/views/task-view.ts";
import { taskView } from "../../../fakes/fake-cli-deps.ts";

const ID = "20261120-141530-k3f9x2";
const QUEUED = { status: "queued", thread: null, endedAt: null } as const;

/** Waits while the task is in one state after the other; a look too many finds none. */
async function waiting(states: readonly (Partial<TaskView> | undefined)[], servedFor = states.length) {
  const holds: string[] = [];
  let looks = 0;
  let changes = 0;
  const find = async (): Promise<TaskView | undefined> => {
    const state = states[looks];
    looks += 1;
    expect(looks).toBe(changes + 1); // Not asked again before something has happened.
    return state === undefined ? undefined : taskView(state);
  };
  const change = async (): Promise<void> => {
    changes += 1;
  };
  const deps = { find, change, isServed: () => looks < servedFor };
  return { thread: await awaitThread(ID, deps, (why) => void holds.push(why)), holds, looks };
}

describe("the thread of a task", () => {
  it("is waited for while it is taken, waits and begins; each reason is told once", async () => {
    const paused = { ...QUEUED, hold: "paused" };
    const busy = { ...QUEUED, hold: "all workers are busy" };
    const states = [undefined, QUEUED, paused, paused, busy, { ...QUEUED, status: "running" }, { thread: "t" }];
    expect(await waiting(states)).toEqual({ thread: "t", holds: ["paused", "all workers are busy"], looks: 7 });
  });

  it("does not come of a task that ends before, nor where nobody serves", async () => {
    const ended = { status: "failed", thread: null, reason: "codex has no login" };
    await expect(waiting([QUEUED, ended])).rejects.toMatchObject({
      code: "TASK_FAILED",
      message: `${ID} has ended as failed without a thread: codex has no login`,
    });
    await expect(waiting([QUEUED, QUEUED], 1)).rejects.toMatchObject({ code: "TRY_AGAIN" });
  });
});
