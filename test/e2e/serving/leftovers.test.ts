import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("a stalled run is ended with everything it started, deaf or in a session of its own", async () => {
  const workspace = await tempWorkspace();
  const limits = { stallTimeoutMs: 1_000, stopGraceMs: 200, maxAttempts: 1 };
  workspace.commitSettings(limits);
  workspace.drop("docs/one.md", "One. [[spawn-sleeper]] [[ignore-sigint]] [[hang]]\n");
  await workspace.serveUntilIdle({ code: 1 });
  expect(workspace.results.task("One.").frontMatter).toMatchObject({ failure: "stalled", attempts: 1 });
  expect(workspace.agentPids()).toEqual([]);
});

it("what a killed run left behind is ended by the start that makes it again", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/one.md", "One. [[spawn-sleeper]] [[say: begun]] [[hang]]\n");
  const first = workspace.serve();
  await first.saw("thread");
  const what = "a sleeper and its command, codex and its worker";
  await waitFor(() => workspace.agentPids().length === 4, { what });
  await first.kill();
  const claim = join(workspace.stateDir, "runs", first.lines("started")[0]?.field("task") ?? "", "1", "claim");
  for (const pid of [JSON.parse(readFileSync(claim, "utf8")).pid, workspace.stubRuns()[0]?.pid ?? 0])
    process.kill(pid, "SIGKILL");
  await waitFor(() => workspace.agentPids().length === 2, { what: "the sleeper and its command alone" });
  const sleepers = workspace.agentPids();
  const second = workspace.serve();
  await second.saw("started");
  expect(second.lines("recovered")[0]?.field("worker")).toBe("vanished");
  expect(second.lines("started")[0]?.field("attempt")).toBe("1");
  expect(workspace.agentPids().filter((pid) => sleepers.includes(pid))).toEqual([]);
});

it("what is left of a run that is over is ended by the next start; a live run and what a success left are not", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/one.md", "One. [[spawn-sleeper]] [[final: done]]\n");
  workspace.drop("other/two.md", "Two. [[spawn-sleeper]] [[say: begun]] [[hang]]\n");
  const first = workspace.serve();
  await first.saw("committed");
  const what = "two sleepers and their commands, codex and its worker";
  await waitFor(() => workspace.agentPids().length === 6, { what });
  await first.kill();
  const clone = readFileSync(join(workspace.stateDir, "clone"), "utf8").slice(0, 6);
  const env = { ...process.env, CODEX_INBOX_RUN: `${clone}/20261120-141530-k3f9x2/7` };
  const leftover = spawn("/bin/sh", ["-c", "trap '' TERM; sleep 300; :"], { env, detached: true, stdio: "ignore" });
  const ended = new Promise((resolve) => leftover.once("exit", (_code, signal) => resolve(signal)));
  await waitFor(() => workspace.agentPids().length === 8, { what: "a leftover and its command" });
  const second = workspace.serve();
  expect(await ended).toBe("SIGKILL");
  await second.saw("serving");
  const reaped = second.lines("reaped").map((line) => `${line.field("task")} ${line.field("run")}`);
  expect(reaped).toEqual(["20261120-141530-k3f9x2 7", "20261120-141530-k3f9x2 7"]);
  expect(workspace.agentPids()).toHaveLength(6);
});
