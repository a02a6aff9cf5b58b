import { expect, it } from "vitest";
import { renderErrorFile } from "../../../src/task/file/error-file.ts";
import { asKept, asKeptText } from "../../../src/task/text/kept-text.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { type AskedTask, taskText } from "../asked-tasks.ts";
import { namesInInbox, refusedAsArchived } from "./archived-drops.ts";

const ARCHIVED = 'the session "docs" is archived';

interface Scene {
  readonly task: Partial<AskedTask>;
  readonly text: string | undefined;
  /** What its error file says; none where there is none. */
  readonly messages: readonly string[];
  readonly isArchived: boolean;
}

function sceneOf(change: Partial<Scene>) {
  const plan = { script: "ok", keys: [], session: "docs" };
  const scene: Scene = { task: {}, text: taskText(1, plan), messages: [ARCHIVED], isArchived: true, ...change };
  const repo = tempRepo();
  const task: AskedTask = {
    ...{ number: 1, dir: repo.dir, way: "untracked", path: "inbox/api/task-1.md", plan, id: undefined },
    ...{ isUncertain: false, wasTouched: false, retries: 0, retriesUncertain: 0, ...scene.task },
  };
  if (scene.text !== undefined) repo.write("inbox/api/task-1.md", scene.text);
  const problems = scene.messages.map((message) => ({ message, expected: "another one" }));
  if (problems.length > 0)
    repo.write("inbox/api/task-1.error.md", renderErrorFile(asKeptText("task-1.md"), asKept(problems as never)));
  const fact = { v: 1, n: 1, time: "2026-11-20T10:00:00.000Z", kind: "archived", archived: scene.isArchived };
  repo.write("sessions/docs/session.jsonl", `${JSON.stringify(fact)}\n`);
  repo.git("add", "--", "sessions");
  repo.git("commit", "-q", "-m", "facts");
  return refusedAsArchived(repo, [task]).length;
}

it("a drop is refused for its archived session where drop, error file and branch all say so", () => {
  expect(sceneOf({})).toBe(1);
});

it.each<{ name: string; change: Partial<Scene> }>([
  { name: "whose error file is missing", change: { messages: [] } },
  { name: "whose error file names something else", change: { messages: ["the key is not known"] } },
  { name: "whose error file names another session", change: { messages: ['the session "api" is archived'] } },
  { name: "whose error file names one more thing", change: { messages: [ARCHIVED, "the key is not known"] } },
  { name: "whose session the branch has not archived", change: { isArchived: false } },
  { name: "that is gone", change: { text: undefined } },
  { name: "that was changed", change: { text: "Something else.\n" } },
  { name: "that was accepted", change: { task: { id: "20261120-100000-aaaaaa" } } },
  { name: "that was no file", change: { task: { path: undefined } } },
])("a drop $name is not", ({ change }) => {
  expect(sceneOf(change)).toBe(0);
});

it("what stays in the inbox is the drop and its error file", () => {
  const task = { path: "inbox/api/task-1.md" } as AskedTask;
  expect([...namesInInbox([task])]).toEqual(["api/task-1.md", "api/task-1.error.md"]);
});
