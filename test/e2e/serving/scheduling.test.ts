import { describe, expect, it } from "vitest";
import type { TaskView } from "../../../src/app/views/task-view.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

const id = (name: string): string => `20261120-100000-${name.padEnd(6, "0")}`;

/** Drops a task whose prompt is its name. */
function ask(workspace: TestWorkspace, session: string, name: string, ...keys: readonly string[]): void {
  workspace.drop(`${session}/${id(name)}.md`, `---\n${keys.map((key) => `${key}\n`).join("")}---\n${name}\n`);
}

/** The prompts of all runs, in the order of their starts. */
function runs(workspace: TestWorkspace): readonly string[] {
  return workspace.stubRuns().map(({ prompt }) => prompt.trim());
}

async function holds(workspace: TestWorkspace): Promise<Readonly<Record<string, string | null>>> {
  const list: readonly TaskView[] = JSON.parse((await workspace.command("ls", "--open", "--json")).stdout).tasks;
  return Object.fromEntries(list.map(({ title, hold }) => [title, hold]));
}

describe("what a task waits for", () => {
  it("is met, can never be met, or is still awaited: each is said", async () => {
    const workspace = await tempWorkspace();
    const row = (name: string, status: string): string =>
      `| 2026-11-20T10:00:00.000Z | ${id(name)} | old | 1 | ${status} |  |\n`;
    workspace.repo.write(
      "tasks/2026-11-20/zzzzzz-0001.md",
      row("done", "succeeded") + row("failed", "failed") + row("gone", "cancelled"),
    );
    workspace.repo.git("add", "-A");
    workspace.repo.git("commit", "--quiet", "-m", "older work");
    ask(workspace, "a", "a1", `dependsOn: ${id("done")}`);
    ask(workspace, "b", "b1", `dependsOn: [${id("done")}, ${id("failed")}]`);
    ask(workspace, "b", "b2", `dependsOn: ${id("gone")}`);
    ask(workspace, "b", "b3", `dependsOn: ${id("b1")}`);
    ask(workspace, "b", "b4");
    ask(workspace, "c", "c1", `dependsOn: ${id("later")}`);
    ask(workspace, "c", "c2");
    ask(workspace, "d", "d1", `dependsOn: ${id("e1")}`);
    ask(workspace, "e", "e1");
    ask(workspace, "f", "f1", `dependsOn: ${id("f2")}`);
    ask(workspace, "f", "f2");
    ask(workspace, "g", "g1", `dependsOn: ${id("g1")}`);
    ask(workspace, "h", "h1", "notBefore: 2020-01-01T00:00:00Z");
    ask(workspace, "i", "i1", "notBefore: 2126-01-01T00:00:00Z");
    await workspace.serveUntilIdle({ code: 1 });

    const ended = workspace.results.tasks().map(({ title, status, result }) => [title, status, result?.reason ?? null]);
    expect(Object.fromEntries(ended.map(([title, ...rest]) => [title, rest]))).toEqual({
      a1: ["succeeded", null],
      b1: ["failed", `it depends on ${id("failed")}, which failed`],
      b2: ["failed", `it depends on ${id("gone")}, which was cancelled`],
      b3: ["failed", `it depends on ${id("b1")}, which failed`],
      b4: ["succeeded", null],
      d1: ["succeeded", null],
      e1: ["succeeded", null],
      f1: ["failed", `it would wait for ever: for ${id("f2")}, which waits for it`],
      f2: ["succeeded", null],
      g1: ["failed", "it depends on itself"],
      h1: ["succeeded", null],
    });
    expect(runs(workspace).indexOf("d1")).toBeGreaterThan(runs(workspace).indexOf("e1"));
    const held = {
      c1: `depends on ${id("later")}, which no task here is called`,
      c2: `behind ${id("c1")} in session c`,
      i1: "not before 2126-01-01T00:00:00Z",
    };
    expect(await holds(workspace)).toEqual(held);

    ask(workspace, "j", "later");
    await workspace.serveUntilIdle({ code: 75 });
    expect(runs(workspace).slice(-3)).toEqual(["later", "c1", "c2"]);
    expect(await holds(workspace)).toEqual({ i1: held.i1 });
  });

  it("may come later, behind it in its own session: then it never comes, and that is said", async () => {
    const workspace = await tempWorkspace();
    const coordinator = workspace.serve();
    await coordinator.url();
    ask(workspace, "a", "a1", `dependsOn: ${id("a2")}`);
    await coordinator.saw("accepted");
    ask(workspace, "a", "a2");
    await coordinator.saw("committed", 2);
    expect(workspace.results.task("a1").result?.reason).toBe(
      `it would wait for ever: for ${id("a2")}, which waits for it`,
    );
    expect(workspace.results.task("a2").status).toBe("succeeded");
  });
});

describe("the order of starts", () => {
  it("is by priority between sessions and by acceptance within one", async () => {
    const workspace = await tempWorkspace();
    await workspace.command("pause");
    const coordinator = workspace.serve({ args: ["--max-workers", "1"] });
    await coordinator.url();
    const asked = [
      ["a", "a1", 2],
      ["a", "a2", 2],
      ["b", "b1", 4],
      ["c", "c1", 0],
      ["d", "d1", 4],
      ["d", "d2", 1],
    ] as const;
    for (const [index, [session, name, priority]] of asked.entries()) {
      ask(workspace, session, name, `priority: ${priority}`);
      await coordinator.saw("accepted", index + 1);
    }
    await workspace.command("resume");
    await coordinator.saw("run-ended", asked.length);
    // A worker is free before its turn has been taken in: until then its session is busy, and the head of another may go first.
    const order = runs(workspace);
    expect(order.toSorted()).toEqual(asked.map(([, name]) => name).toSorted());
    expect(order.slice(0, 2)).toEqual(["c1", "d1"]);
    for (const [first, later] of [
      ["d1", "d2"],
      ["a1", "a2"],
      ["a1", "b1"],
    ] as const)
      expect(order.indexOf(first), `${first} before ${later}`).toBeLessThan(order.indexOf(later));
  });
});

it("ls --session shows the newest of that session, however many others are newer", async () => {
  const workspace = await tempWorkspace();
  for (const name of ["a1", "a2"]) ask(workspace, "a.b", name);
  for (const name of ["x1", "x2"]) ask(workspace, "axb", name);
  ask(workspace, "a.b/c", "c1");
  await workspace.serveUntilIdle();
  for (const name of ["z1", "z2", "z3"]) ask(workspace, "z", name);
  await workspace.serveUntilIdle();
  const list = await workspace.command("ls", "--session", "a.b", "-n", "2", "--json");
  expect(JSON.parse(list.stdout).tasks.map(({ title }: TaskView) => title)).toEqual(["a2", "a1"]);
  expect(await workspace.command("ls", "--session", "a.c", "-n", "2")).toMatchObject({ code: 3, stdout: "" });
});
