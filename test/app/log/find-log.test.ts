import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { committedEntries, lastOf } from "../../../src/app/log/task-log.ts";
import type { LogView } from "../../../src/app/views/log-view.ts";
import { ownIdentity } from "../../../src/base/process/process-identity.ts";
import { makeRunDirectory, makeVerifyDirectory, runPaths } from "../../../src/run/worker/run-directory.ts";
import type { TranscriptEntry } from "../../../src/task/session/transcript-entry.ts";
import { createWorld, type World } from "../../support/world.ts";

function texts({ entries }: Pick<LogView, "entries">): readonly string[] {
  return entries.map(({ body }) => ("text" in body ? body.text.trim() : body.kind));
}

async function run(world: World, name: string, ...said: readonly string[]): Promise<string> {
  world.drop(`${name}.md`, `Do ${name}.\n`);
  await world.settle();
  const started = world.runner.of(world.accepted(-1));
  started.body = said;
  world.runner.end(started);
  await world.settle();
  await world.advance(1_000);
  return world.accepted(-1);
}

/** Runs of the world write no files; these are those of its run `number`, whose process is this one. */
function writesFiles(world: World, number: number, kind: "agent" | "verify"): string {
  const runDir = join(world.paths.runs, world.accepted(-1), String(number));
  const command = { command: ["codex"], workdir: "/work" };
  if (kind === "agent") makeRunDirectory(runDir, "", { ...command, resumeThread: undefined });
  else makeVerifyDirectory(runDir, command);
  writeFileSync(runPaths(runDir).claim, JSON.stringify(ownIdentity()));
  return runDir;
}

describe("the log of a task", () => {
  it("has its prompt and what its run has said until now, whoever is asked, and then its verify command", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "---\nverifyCommand: npm test\n---\nDo it.\n");
    await world.settle();
    const { events } = runPaths(writesFiles(world, 1, "agent"));
    const say = { type: "item.completed", item: { id: "item_0", type: "agent_message", text: "Looking." } };
    appendFileSync(events, `${JSON.stringify(say)}\n`);
    for (const queries of [coordinator, world.queries]) {
      const view = await queries.log(world.accepted(0).slice(-6));
      expect(view).toMatchObject({ task: world.accepted(0), session: "docs", status: "running", leftOut: 0 });
      expect([texts(view), view.run]).toEqual([["Do it.", "Looking."], { number: 1, isOver: false }]);
      expect(view.entries.map(({ line, time }) => [line, time === null])).toEqual([
        [0, false],
        [1, true],
      ]);
    }
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    const { output } = runPaths(writesFiles(world, 2, "verify"));
    writeFileSync(output, "codex-inbox: the verify command begins\n1 passed\n");
    const view = await coordinator.log(world.accepted(0));
    expect(view).toMatchObject({ status: "verifying", run: { number: 2, isOver: false } });
    expect(texts(view)).toEqual(["Do it.", "end", "verify"]);
    expect(view.entries.at(-1)?.body).toMatchObject({ command: "npm test", outcome: "running", output: "1 passed\n" });
  });

  it("says why it waits", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "---\nnotBefore: 2026-11-21T06:00:00Z\n---\nLater.\n");
    await world.settle();
    const view = { status: "queued", hold: "not before 2026-11-21T06:00:00Z", run: null, entries: [] };
    for (const queries of [coordinator, world.queries])
      expect(await queries.log(world.accepted(0))).toMatchObject(view);
  });
});

describe("the log of a session", () => {
  it("has all of its tasks, those under way too, in order, and of no other session; the last entries where so many are asked for", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    await run(world, "docs/one", "a");
    await run(world, "ops/other", "x");
    await run(world, "docs/two", "b");
    world.drop("docs/three.md", "Do docs/three.\n");
    await world.settle();
    for (const queries of [coordinator, world.queries]) {
      const view = await queries.log("docs");
      expect(view).toMatchObject({ task: null, session: "docs", leftOut: 0 });
      expect(texts(view)).toEqual(["Do docs/one.", "a", "end", "Do docs/two.", "b", "end", "Do docs/three."]);
      const last = await queries.log("docs", { last: 2 });
      expect([texts(last), last.leftOut]).toEqual([["end", "Do docs/three."], 5]);
    }
    await expect(world.queries.log("nowhere")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a long transcript", () => {
  const entry = (task: string, line: number): TranscriptEntry => ({
    ...{ v: 1, task, run: 1, attempt: 1, line, thread: null, time: `2026-11-20T14:15:${line + 10}.000Z` },
    body: { kind: "assistant", text: `${task} ${line}` },
  });

  /** The branch of a session whose transcript has moved to closed files, the older ones with the smaller numbers. */
  function rotated(read: string[]) {
    const files = new Map<string, readonly TranscriptEntry[]>([
      ["sessions/docs/transcript.jsonl", [entry("t3", 5)]],
      ["sessions/docs/transcript/aaaaaa-0002.jsonl", [entry("t2", 3), entry("t2", 4)]],
      ["sessions/docs/transcript/aaaaaa-0001.jsonl", [entry("t1", 1), entry("t1", 2)]],
    ]);
    return {
      async readText(path: string) {
        read.push(path);
        return files
          .get(path)
          ?.map((one) => JSON.stringify(one))
          .join("\n");
      },
      async listFolder(path: string) {
        const names = [...files.keys()]
          .filter((name) => name.startsWith(`${path}/`))
          .map((name) => name.slice(path.length + 1));
        return names.filter((name) => !name.includes("/")).map((name) => ({ name, kind: "file" as const }));
      },
    };
  }

  it("is read whole for a task, and as far back as is needed for the last entries", async () => {
    const read: string[] = [];
    const of = async (wanted: Parameters<typeof committedEntries>[2]): Promise<readonly number[]> =>
      (await committedEntries(rotated(read), "docs", wanted)).map(({ line }) => line);
    expect(await of({})).toEqual([1, 2, 3, 4, 5]);
    expect(await of({ task: "t1" })).toEqual([1, 2]);
    read.length = 0;
    expect(await of({ last: 2 })).toEqual([3, 4, 5]);
    expect(read).toEqual(["sessions/docs/transcript.jsonl", "sessions/docs/transcript/aaaaaa-0002.jsonl"]);
  });

  it("is shown up to a number of entries and of characters, the last ones", () => {
    const entries = [1, 2, 3, 4, 5].map((line) => entry("t1", line));
    const size = JSON.stringify(entries[0]).length;
    const shown = (options: Parameters<typeof lastOf>[1]): readonly [readonly number[], number] => {
      const { entries: found, leftOut } = lastOf(entries, options);
      return [found.map(({ line }) => line), leftOut];
    };
    expect(shown({})).toEqual([[1, 2, 3, 4, 5], 0]);
    expect(shown({ last: 2 })).toEqual([[4, 5], 3]);
    expect(shown({ last: 0 })).toEqual([[], 5]);
    expect(shown({ charactersMax: 3 * size })).toEqual([[3, 4, 5], 2]);
    expect(shown({ last: 1, charactersMax: 3 * size })).toEqual([[5], 4]);
  });
});
