import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { realCodex } from "../../support/real-codex.ts";
import { eventsSoFar, STUB_PATH, type TestRunner, testRunner } from "../../support/test-runner.ts";
import { waitFor } from "../../support/wait-for.ts";

const UNKNOWN_THREAD = "01a1f956-0000-7000-8000-000000000000";

/** One implementation of codex, and how each scenario is asked of it. */
interface Subject {
  readonly name: string;
  make(): Promise<TestRunner>;
  readonly prompts: Readonly<Record<"answer" | "command" | "fail" | "hang", string>>;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: "the stub",
    make: async () => testRunner({ codexPath: STUB_PATH }),
    prompts: {
      answer: "[[final: the answer]]",
      command: "[[command: echo out; exit 3]] [[final: done]]",
      fail: "[[fail: no such luck]]",
      hang: "[[say: begun]] [[hang]]",
    },
  },
  {
    name: "the real codex",
    make: async () => {
      const codex = await realCodex();
      const test = testRunner({ codexPath: codex.codexPath, environment: codex.environment });
      execFileSync("git", ["init", "-q", test.workdir]);
      return test;
    },
    prompts: {
      answer: "[[final: the answer]]",
      command: "[[shell: sleep 0.4; echo out; exit 3]] [[final: done]]",
      fail: "[[http 400 message=no]]",
      hang: "[[say: begun]] [[shell: sleep 60]]",
    },
  },
];

/** What a caller sees of a run: the shape of its events, its exit code, and what its stderr is about. */
interface Observed {
  readonly exitCode: number | undefined;
  readonly events: readonly string[];
  readonly stderr: "empty" | "no rollout" | "other";
  readonly lastMessageFile: string | undefined;
}

function observe(test: TestRunner, runDir: string): Observed {
  const probe = test.runner.probe(runDir);
  const stderr = readFileSync(join(runDir, "stderr.log"), "utf8").replaceAll(
    /^\d{4}-.* ERROR .*\n|^WARNING: .*\n/gm,
    "",
  );
  const file = join(runDir, "last-message.md");
  return {
    exitCode: probe.kind === "ended" ? probe.exitCode : undefined,
    events: readFileSync(join(runDir, "events.jsonl"), "utf8").split("\n").slice(0, -1).map(shapeOf),
    stderr: stderr === "" ? "empty" : stderr.includes("no rollout found for thread id") ? "no rollout" : "other",
    lastMessageFile: existsSync(file) ? readFileSync(file, "utf8") : undefined,
  };
}

/** `item.completed/command_execution{id,type,…}`: the names of an event's fields, and of its item's. */
function shapeOf(line: string): string {
  const event: unknown = JSON.parse(line);
  if (typeof event !== "object" || event === null) return "?";
  const fields = Object.entries(event).map(([key, value]) => {
    if (typeof value !== "object" || value === null) return key === "type" ? String(value) : key;
    const type = "type" in value ? String(value.type) : "";
    return `${key}:${type}{${Object.keys(value).sort().join(",")}}`;
  });
  return fields.join(" ");
}

const THREAD_STARTED = "thread.started thread_id";
const TURN_STARTED = "turn.started";
const MESSAGE = "item.completed item:agent_message{id,text,type}";
const COMMAND = "item:command_execution{aggregated_output,command,exit_code,id,status,type}";
const TURN_COMPLETED =
  "turn.completed usage:{cache_write_input_tokens,cached_input_tokens,input_tokens,output_tokens,reasoning_output_tokens}";
const ANSWERED: Observed = {
  exitCode: 0,
  events: [THREAD_STARTED, TURN_STARTED, MESSAGE, TURN_COMPLETED],
  stderr: "empty",
  lastMessageFile: "the answer",
};

/** How both fail: stub-failures.test.ts. */
describe.each(SUBJECTS)("$name", ({ make, prompts }) => {
  it("answers", async () => {
    const test = await make();
    expect(observe(test, await test.run(test.request(prompts.answer)))).toEqual(ANSWERED);
  });

  it("resumes a thread under its id, and counts usage up", async () => {
    const test = await make();
    const first = await test.runner.judge(await test.run(test.request(prompts.answer)), undefined);
    const runDir = await test.run(test.request(prompts.answer, { resumeThread: first.threadId }));
    const second = await test.runner.judge(runDir, first.threadId);
    expect(observe(test, runDir)).toEqual(ANSWERED);
    expect(second.threadId).toBe(first.threadId);
    expect(second.usageTotal?.inputTokens).toBeGreaterThan(first.usageTotal?.inputTokens ?? 0);
  });

  it("refuses an unknown thread", async () => {
    const test = await make();
    const runDir = await test.run(test.request(prompts.answer, { resumeThread: UNKNOWN_THREAD }));
    expect(observe(test, runDir)).toEqual({ exitCode: 1, events: [], stderr: "no rollout", lastMessageFile: "" });
  });

  it("starts a new thread, without a word, for an id that is none", async () => {
    const test = await make();
    const asked = test.request(prompts.answer);
    await test.driver.start(asked, () => false); // It would refuse such an id.
    const { command } = JSON.parse(readFileSync(join(test.dirOf(asked), "command.json"), "utf8"));
    const [path, ...args] = [...command.slice(0, -1), "resume", "not-a-uuid", "-"];
    const codex = spawn(path, args, { env: test.environment, stdio: ["pipe", "pipe", "ignore"] });
    codex.stdin.end(asked.prompt);
    const output = await text(codex.stdout);
    expect(output.split("\n").slice(0, -1).map(shapeOf)).toEqual(ANSWERED.events);
  });

  it("reports a command that failed", async () => {
    const test = await make();
    const observed = observe(test, await test.run(test.request(prompts.command, { sandbox: "danger-full-access" })));
    expect(observed.events.slice(2, 4)).toEqual([`item.started ${COMMAND}`, `item.completed ${COMMAND}`]);
    expect(observed).toMatchObject({ exitCode: 0, lastMessageFile: "done" });
  });

  it("reports a turn that failed", async () => {
    const test = await make();
    expect(observe(test, await test.run(test.request(prompts.fail)))).toEqual({
      exitCode: 1,
      events: [THREAD_STARTED, TURN_STARTED, "error message", "turn.failed error:{message}"],
      stderr: "empty",
      lastMessageFile: "",
    });
  });

  it("ends at SIGINT with exit 1 and no further event", async () => {
    const test = await make();
    const runDir = test.start(test.request(prompts.hang, { sandbox: "danger-full-access" }));
    await waitFor(() => eventsSoFar(runDir).includes("begun"), { what: "the message" });
    await test.runner.stop(runDir, 8_000);
    const { events, ...rest } = observe(test, runDir);
    expect(rest).toEqual({ exitCode: 1, stderr: "empty", lastMessageFile: "" });
    expect(events.slice(0, 3)).toEqual([THREAD_STARTED, TURN_STARTED, MESSAGE]);
    expect(events.join()).not.toMatch(/turn\.(completed|failed)/);
  });

  it("refuses an empty prompt", async () => {
    const test = await make();
    expect(observe(test, await test.run(test.request(" \n")))).toMatchObject({
      exitCode: 1,
      events: [],
      stderr: "other",
    });
  });
});
