import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ownIdentity } from "../../src/base/process/process-identity.ts";
import { createKeeper } from "../../src/redact/keeper.ts";
import { createKnownValues } from "../../src/redact/known-values.ts";
import { openRunLog } from "../../src/run/run-log.ts";
import { BEGIN_LINE } from "../../src/run/verify/output.ts";
import { makeRunDirectory, makeVerifyDirectory, runPaths } from "../../src/run/worker/run-directory.ts";
import { tempDir } from "../support/temp-dir.ts";

const SECRET = "0a9f8e7d6c5b4a39xkcd29f8e7d6";
const RUN = { task: "20261120-141530-k3f9x2", run: 1 };

function keeper() {
  return createKeeper({ find: () => undefined }, createKnownValues({ MY_API_KEY: SECRET }, undefined));
}

/** A run of an agent in /work whose process is this one, and which has written `lines`. */
function agentRun(...lines: readonly (object | string)[]) {
  const runsDir = tempDir();
  const runDir = join(runsDir, RUN.task, String(RUN.run));
  makeRunDirectory(runDir, "Fix it.", { command: ["codex"], workdir: "/work", resumeThread: undefined });
  const paths = runPaths(runDir);
  const write = (...more: readonly (object | string)[]): void =>
    appendFileSync(
      paths.events,
      more.map((line) => (typeof line === "string" ? line : `${JSON.stringify(line)}\n`)).join(""),
    );
  writeFileSync(paths.claim, JSON.stringify(ownIdentity()));
  write(...lines);
  return { log: openRunLog(runsDir, keeper()), write, paths };
}

function command(type: string, output: string, exitCode: number | null, status: string): object {
  const item = { id: "item_1", type: "command_execution", command: "npm test", aggregated_output: output };
  return { type, item: { ...item, exit_code: exitCode, status } };
}

async function rawOf(log: ReturnType<typeof openRunLog>, from = 1): Promise<readonly [number, unknown][]> {
  const lines: [number, unknown][] = [];
  for await (const { line, text } of log.raw(RUN, from)) lines.push([line, JSON.parse(text)]);
  return lines;
}

describe("what an agent has said until now", () => {
  it("is read while it goes on, what has begun and not ended too, without a torn last line", async () => {
    const { log, write } = agentRun(
      { type: "thread.started", thread_id: "01a1f950-5f71-7472-a9b5-7a2032cb912c" },
      { type: "item.completed", item: { id: "item_0", type: "agent_message", text: "Looking." } },
      command("item.started", "", null, "in_progress"),
      '{"type":"item.comp',
    );
    expect(await log.said(RUN)).toMatchObject({
      ...{ kind: "agent", isOver: false, thread: "01a1f950-5f71-7472-a9b5-7a2032cb912c" },
      said: [
        { line: 2, body: { kind: "assistant", text: "Looking." } },
        { line: 3, body: { kind: "command", command: "npm test", status: "unfinished" } },
      ],
    });
    write('leted","item":{}}\n', command("item.completed", "ok", 0, "completed"));
    const after = await log.said(RUN);
    expect(after?.kind === "agent" && after.said.map(({ line }) => line)).toEqual([2, 4, 5]);
  });

  it("holds no secret, whole or in parts", async () => {
    const half = SECRET.length / 2;
    const { log } = agentRun(
      { type: "item.completed", item: { id: "item_0", type: "agent_message", text: `It is ${SECRET}.` } },
      { type: "item.completed", item: { id: "item_1", type: "agent_message", text: SECRET.slice(0, half) } },
      { type: "item.completed", item: { id: "item_2", type: "agent_message", text: SECRET.slice(half) } },
      {
        type: "item.completed",
        item: {
          id: "item_3",
          type: "file_change",
          changes: [{ path: `/ws/${SECRET}`, kind: "add" }],
          status: "completed",
        },
      },
    );
    const text = JSON.stringify(await log.said(RUN));
    expect(text).not.toContain(SECRET.slice(0, half));
    expect(text).not.toContain(SECRET.slice(half));
    expect(JSON.stringify(await rawOf(log))).not.toContain(SECRET);
  });

  it("is over once its worker has noted the end, or is gone", async () => {
    const { log, paths } = agentRun();
    expect((await log.said(RUN))?.isOver).toBe(false);
    writeFileSync(paths.claim, JSON.stringify({ ...ownIdentity(), startTicks: "1" }));
    expect((await log.said(RUN))?.isOver).toBe(true);
    writeFileSync(paths.claim, JSON.stringify(ownIdentity()));
    writeFileSync(paths.exit, JSON.stringify({ exitCode: 0 }));
    expect((await log.said(RUN))?.isOver).toBe(true);
  });

  it("is nothing where there was no such run", async () => {
    const { log } = agentRun();
    expect(await log.said({ ...RUN, run: 2 })).toBeUndefined();
    expect(log.runs("20261120-141530-zzzzzz")).toEqual([]);
  });
});

it("what a verify command has printed until now is read, without secrets", async () => {
  const runsDir = tempDir();
  const runDir = join(runsDir, RUN.task, "1");
  makeVerifyDirectory(runDir, { command: ["sh"], workdir: "/work" });
  const log = openRunLog(runsDir, keeper());
  expect(await log.said(RUN)).toMatchObject({ kind: "verify", output: "", startedAtMs: undefined, isOver: false });
  writeFileSync(runPaths(runDir).claim, JSON.stringify(ownIdentity()));
  writeFileSync(runPaths(runDir).output, `${BEGIN_LINE}3 passed\n${SECRET}\n`);
  expect(await log.said(RUN)).toMatchObject({
    ...{ kind: "verify", output: "3 passed\n[redacted: environment-secret]\n", isOver: false },
    ...{ outputBytes: 10 + SECRET.length, startedAtMs: expect.any(Number) },
  });
});

describe("what codex has written itself", () => {
  it("comes line by line, from where one has read to", async () => {
    const { log, write } = agentRun({ type: "turn.started" }, "no JSON\n");
    expect(await rawOf(log)).toEqual([
      [1, { type: "turn.started" }],
      [2, "no JSON"],
    ]);
    write({ type: "turn.completed" });
    expect(await rawOf(log, 3)).toEqual([[3, { type: "turn.completed" }]]);
  });

  it("is there for each run of a task that has files, in order", () => {
    const runsDir = tempDir();
    for (const name of ["10", "2", "1", "x"]) mkdirSync(join(runsDir, RUN.task, name), { recursive: true });
    expect(openRunLog(runsDir, keeper()).runs(RUN.task)).toEqual([1, 2, 10]);
  });
});
