import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../../src/run/driver.ts";
import { outcomeOf } from "../../support/outcome-of.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { type TestRunner, testRunner } from "../../support/test-runner.ts";
import { waitFor } from "../../support/wait-for.ts";

const THREAD = "01a1f983-68c0-73f0-b052-b819acb45957";
const OPENED = `echo '{"type":"thread.started","thread_id":"${THREAD}"}'`;
const COMPLETED = `echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'`;
const MIB = 1024 * 1024;

/** A codex that does what a shell script says. */
function scripted(script: string): TestRunner {
  const codexPath = join(tempDir(), "codex.sh");
  writeFileSync(codexPath, `#!/bin/sh\n${script}\n`);
  chmodSync(codexPath, 0o755);
  return testRunner({ codexPath });
}

/** A command that prints messages of `lineBytes` bytes each, quicker than they are read. */
function flood(bytes: number, lineBytes: number): string {
  const program = `
    const fs = require("fs");
    const line = JSON.stringify({ type: "item.completed", item: { id: "item_0", type: "agent_message", text: "x".repeat(${lineBytes} - 90) } }) + "\\n";
    const block = Buffer.from(line.repeat(Math.max(1, Math.floor(1e6 / line.length))));
    for (let left = ${bytes}; left > 0; left -= block.length) for (let at = 0; at < block.length; ) at += fs.writeSync(1, block, at);`;
  const path = join(tempDir(), "flood.cjs");
  writeFileSync(path, program);
  return `${process.execPath} ${path}`;
}

describe("an agent that prints", () => {
  it.each([
    { name: "200 MB in lines of 1 MB", bytes: 200 * MIB, lineBytes: MIB - 100 },
    { name: "100,000 short lines", bytes: 100_000 * 150, lineBytes: 150 },
    { name: "a line longer than any of codex's", bytes: 64 * MIB, lineBytes: 64 * MIB },
  ])("$name is read in bounded memory, and nobody else waits for that", { timeout: 120_000 }, async (example) => {
    const test = scripted(`${OPENED}; ${flood(example.bytes, example.lineBytes)}; ${COMPLETED}`);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const handle = await test.follow(test.request("x"));
    delay.enable();
    let heapMax = 0;
    let items = 0;
    const { verdict, said } = await outcomeOf(handle, (event) => {
      if (event.kind === "item") items += 1;
      if (items % 20 === 0) heapMax = Math.max(heapMax, process.memoryUsage().heapUsed);
    });
    delay.disable();
    expect(verdict.outcome).toBe("succeeded");
    expect(JSON.stringify(said).length).toBeLessThan(4.5 * MIB);
    expect(heapMax).toBeLessThan(250 * MIB);
    console.log(
      `${example.name}: heap ${Math.round(heapMax / MIB)} MB, loop ${Math.round(delay.max / 1e6)} ms at worst`,
    );
    expect(delay.max / 1e6).toBeLessThan(500); // Generous: the machine is shared. It is about 20 ms on a quiet one.
  });

  it("tells how much that is while it goes on, so that it can be ended", async () => {
    const test = scripted(`${OPENED}; ${flood(100 * MIB, 100_000)}; sleep 60`);
    const handle = await test.follow(test.request("x"));
    const { verdict } = await outcomeOf(handle, (event) => {
      if (event.kind === "output" && event.bytes > 50 * MIB) void handle.stop(0);
    });
    expect(verdict.outcome).toBe("interrupted");
  });
});

/** What an agent that may write anywhere can do to the folder of its run. */
describe.each<{ name: string; spoil: (runDir: string) => void }>([
  { name: "removes the folder of its run", spoil: (runDir) => rmSync(runDir, { recursive: true }) },
  {
    name: "puts a pipe in place of its events",
    spoil: (runDir) => replaced(runDir, (path) => execFileSync("mkfifo", [path])),
  },
  {
    name: "puts a link to a device in place of its events",
    spoil: (runDir) => replaced(runDir, (path) => symlinkSync("/dev/zero", path)),
  },
  { name: "puts a folder in place of its events", spoil: (runDir) => replaced(runDir, (path) => mkdirSync(path)) },
  {
    name: "puts pipes in place of all its files",
    spoil: (runDir) => {
      for (const name of ["claim", "events.jsonl", "stderr.log", "last-message.md", "command.json"])
        replaced(runDir, (path) => execFileSync("mkfifo", [path]), name);
    },
  },
])("an agent that $name", ({ spoil }) => {
  const SCRIPT = `${OPENED}; : > up; until test -e go; do sleep 0.02; done; ${COMPLETED}`;

  async function spoiled() {
    const test = scripted(SCRIPT);
    const asked = test.request("x");
    const handle = await test.follow(asked);
    await waitFor(() => existsSync(join(test.workdir, "up")), { what: "the run" });
    return { test, asked, handle, runDir: test.dirOf(asked) };
  }

  it("ends its own run alone", async () => {
    const { test, handle, runDir } = await spoiled();
    const events: RunEvent[] = [];
    const outcome = outcomeOf(handle, (event) => events.push(event));
    spoil(runDir);
    writeFileSync(join(test.workdir, "go"), "");
    const { verdict } = await outcome;
    expect(["succeeded", "vanished", "interrupted", "failed"]).toContain(verdict.outcome);
    expect(events.some(({ kind }) => kind === "exited")).toBe(true);
  });

  it("does so too for the next coordinator", { timeout: 20_000 }, async () => {
    const { test, asked, handle, runDir } = await spoiled();
    handle.detach();
    spoil(runDir);
    const successor = await test.another().adopt({ task: asked.taskId, run: asked.run, resume: undefined });
    const outcome = outcomeOf(successor);
    writeFileSync(join(test.workdir, "go"), "");
    const { verdict } = await outcome;
    expect(["succeeded", "vanished", "failed"]).toContain(verdict.outcome);
    if (verdict.outcome === "failed")
      expect(verdict.failure).toMatchObject({
        kind: "outputUnusable",
        detail: expect.stringContaining("no plain file"),
      });
  });
});

function replaced(runDir: string, plant: (path: string) => void, name = "events.jsonl"): void {
  rmSync(join(runDir, name), { force: true, recursive: true });
  plant(join(runDir, name));
}
