import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SeededRandom } from "../seeded-random.ts";
import { waitFor } from "../wait-for.ts";
import type { GitUser } from "./git-user.ts";
import { commitIndex } from "./user-actions.ts";

/** How a task reaches the inbox. */
type Way = "untracked" | "staged" | "committed";

interface DroppedTask {
  readonly number: number;
  readonly path: string;
  readonly way: Way;
}

/** The tasks that the user asks for between other things. */
export interface StressDrops {
  /** Asks for the next task. */
  drop(user: GitUser, random: SeededRandom): Promise<void>;
  /**
   * Looks whether every drop is still there or accepted. One that a command of the user's removed before it was accepted
   * (`takesAway`) is dropped again, as a user would; one that is gone otherwise is a problem.
   */
  check(user: GitUser, after: string, takesAway: boolean): Promise<void>;
  readonly count: number;
  /** Drops that the user's own commands removed before they were accepted. */
  readonly removedByUser: number;
  /** The numbers of all tasks. */
  numbers(): readonly number[];
}

/** What is written in a task's prompt, and found again in its result. */
function promptOf(number: number, sleepMs: number): string {
  return `Task number ${number}.\n\n[[sleep ${sleepMs}]] [[final: result ${number}]]\n`;
}

/** Returns the number of the task with this prompt. */
export function numberOf(prompt: string): number {
  return Number(/^Task number (\d+)\./m.exec(prompt)?.[1] ?? Number.NaN);
}

const GONE_MS = 3_000;

/** @param isAccepted tells whether the drop at `path` became a task; `undefined` where nobody serves */
export function createStressDrops(isAccepted: ((path: string) => boolean) | undefined): StressDrops {
  const tasks: DroppedTask[] = [];
  const waiting = new Map<string, DroppedTask>();
  let removedByUser = 0;
  let names = 0;

  function write(user: GitUser, number: number, folder: string, sleepMs: number, way: Way): string {
    names += 1;
    const path = `inbox/${folder}task-${names}.md`;
    mkdirSync(dirname(join(user.dir, path)), { recursive: true });
    writeFileSync(join(user.dir, path), promptOf(number, sleepMs));
    waiting.set(path, { number, path, way });
    return path;
  }

  return {
    async drop(user, random) {
      const folder = random.pick(["", "", "docs/", "api/", "ops/db/"]);
      const way = random.pick<Way>(["untracked", "untracked", "staged", "committed"]);
      const number = tasks.length + 1;
      const path = write(user, number, folder, random.below(200), way);
      tasks.push({ number, path, way });
      if (way === "untracked") return;
      await user.git("add", "--", path);
      if (way === "staged") return;
      if (random.chance(0.5)) await user.git("commit", "-m", `ask: ${path}`, "--", path);
      else {
        await user.git("commit", "-m", `ask: ${path}`);
        commitIndex(user);
      }
    },
    async check(user, after, takesAway) {
      if (isAccepted === undefined) return;
      for (const [path, task] of waiting) {
        const there = (): boolean => isAccepted(path) || existsSync(join(user.dir, path));
        const found = await waitFor(there, { what: path, timeoutMs: GONE_MS }).catch(() => false);
        if (isAccepted(path)) waiting.delete(path);
        if (found) continue;
        waiting.delete(path);
        removedByUser += 1;
        if (!takesAway) user.problem(`${path} (${task.way}) was gone after ${after}, and is not accepted`);
        write(user, task.number, "", 0, "untracked");
      }
    },
    get count() {
      return tasks.length;
    },
    get removedByUser() {
      return removedByUser;
    },
    numbers: () => tasks.map(({ number }) => number),
  };
}
