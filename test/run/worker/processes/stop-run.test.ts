import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunLease } from "../../../../src/run/driver.ts";
import { findMarked } from "../../../../src/run/worker/processes/marker-scan.ts";
import type { RunRequest } from "../../../../src/task/state/run.ts";
import { outcomeOf } from "../../../support/outcome-of.ts";
import { realCodex } from "../../../support/real-codex.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { eventsSoFar, type TestRunner, testRunner } from "../../../support/test-runner.ts";
import { waitFor } from "../../../support/wait-for.ts";

const GRACE_MS = 8_000;
/** A tool that takes no hint, and one it started that left its session. */
const STUBBORN = `trap '' TERM INT HUP; setsid sh -c "trap '' TERM INT HUP; echo x > escaped; while :; do sleep 1; done" & while :; do sleep 1; done`;

describe("stopping", () => {
  it("interrupts codex, which ends by itself", async () => {
    const { runner, request, start } = testRunner();
    const runDir = start(request("[[say: begun]] [[hang]]"));
    await sees(runDir, "begun");
    await runner.stop(runDir, GRACE_MS);
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 1 });
    expect(await runner.judge(runDir, undefined)).toMatchObject({ outcome: "interrupted" });
  });

  it("interrupts a command that has become another program", async () => {
    const codexPath = join(tempDir(), "codex.sh");
    writeFileSync(codexPath, "#!/bin/sh\necho begun\nexec sleep 300\n");
    chmodSync(codexPath, 0o755);
    const { runner, request, start } = testRunner({ codexPath });
    const runDir = start(request("x"));
    await sees(runDir, "begun");
    const startedMs = performance.now();
    await runner.stop(runDir, GRACE_MS);
    expect(performance.now() - startedMs).toBeLessThan(GRACE_MS);
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 130 });
  });

  it("kills codex when it does not end in time, and the exit is on record", async () => {
    const { runner, request, start } = testRunner();
    const runDir = start(request("[[ignore-sigint]] [[say: begun]] [[hang]]"));
    await sees(runDir, "begun");
    await runner.stop(runDir, 100);
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 137 });
    expect((await runner.judge(runDir, undefined)).failure).toMatchObject({ kind: "killed", detail: "by SIGKILL" });
  });

  it("ends what the agent started in other sessions, deaf or not", async () => {
    const test = testRunner();
    const runDir = test.start(test.request(`[[spawn-sleeper]] [[background: ${STUBBORN}]] [[say: begun]] [[hang]]`));
    await sees(runDir, "begun");
    await waitFor(() => existsSync(join(test.workdir, "escaped")), { what: "the escaped process" });
    await test.runner.stop(runDir, GRACE_MS);
    expect(findMarked(markerIn(runDir))).toEqual([]);
  });

  it("ends what a finished run left behind", async () => {
    const { runner, request, run } = testRunner();
    const runDir = await run(request("[[spawn-sleeper]]"));
    expect(findMarked(markerIn(runDir))).not.toEqual([]);
    await runner.stop(runDir, GRACE_MS);
    expect(findMarked(markerIn(runDir))).toEqual([]);
    expect((await runner.judge(runDir, undefined)).outcome).toBe("succeeded");
  });

  it("ends the tools of a run whose worker and codex were killed, which counts as vanished", async () => {
    const { runner, request, start } = testRunner();
    const runDir = start(request("[[spawn-sleeper]] [[say: begun]] [[hang]]"));
    await sees(runDir, "begun");
    const worker = JSON.parse(readFileSync(join(runDir, "claim"), "utf8")).pid;
    process.kill(worker, "SIGKILL");
    const [codex = 0] = await waitFor(
      () => {
        const probe = runner.probe(runDir);
        return probe.kind === "alive" && !probe.pids.includes(worker) ? probe.pids : undefined;
      },
      { what: "codex without its worker" },
    );
    process.kill(codex, "SIGKILL");
    await waitFor(() => runner.probe(runDir).kind === "vanished", { what: "the run to vanish" });
    expect(findMarked(markerIn(runDir))).not.toEqual([]);
    await runner.stop(runDir, 0);
    expect(findMarked(markerIn(runDir))).toEqual([]);
  });

  it("ends a run that another coordinator started, also without its worker", async () => {
    const { request, start, another } = testRunner();
    const asked = request("[[say: begun]] [[hang]]");
    const runDir = start(asked);
    await sees(runDir, "begun");
    process.kill(JSON.parse(readFileSync(join(runDir, "claim"), "utf8")).pid, "SIGKILL");
    const successor = await another().adopt(leaseOf(asked));
    await successor.stop(GRACE_MS);
    expect((await outcomeOf(successor)).verdict.outcome).toBe("vanished");
    expect(findMarked(markerIn(runDir))).toEqual([]);
  });

  it("keeps a run that has not started from ever starting", async () => {
    const { driver, runner, request, dirOf, home } = testRunner();
    const asked = request("x");
    await driver.start(asked, () => false);
    await runner.stop(dirOf(asked), GRACE_MS);
    await expect(driver.start(asked, () => true)).rejects.toThrow(/claimed/);
    expect(existsSync(join(home, "stub-runs.jsonl"))).toBe(false);
  });

  it("ends a run at whatever moment of its start it comes", async () => {
    const { runner, request, dirOf, follow } = testRunner();
    for (const waitedMs of [0, 1, 2, 4, 8, 16, 32]) {
      const asked = request("[[hang]]");
      const handle = await follow(asked);
      const startedMs = performance.now();
      await waitFor(() => performance.now() - startedMs >= waitedMs, { what: "the moment", intervalMs: 1 });
      await handle.stop(GRACE_MS);
      expect(findMarked(markerIn(dirOf(asked)))).toEqual([]);
      expect((await outcomeOf(handle)).verdict.outcome).toMatch(/^(interrupted|vanished)$/);
      expect(runner.probe(dirOf(asked)).kind).toMatch(/^(ended|vanished)$/);
    }
  });

  it("leaves the other runs alone", async () => {
    const { runner, request, start } = testRunner();
    const first = start(request("[[say: begun]] [[hang]]"));
    const tenth = start(request("[[say: begun]] [[hang]]", { run: 10 }));
    await sees(first, "begun");
    await sees(tenth, "begun");
    await runner.stop(first, GRACE_MS);
    expect(runner.probe(tenth).kind).toBe("alive");
  });
});

describe("stopping the real codex", () => {
  async function startReal(
    sandbox: RunRequest["sandbox"],
  ): Promise<TestRunner & { readonly asked: RunRequest; readonly runDir: string }> {
    const codex = await realCodex({ shellSnapshot: false });
    const test = testRunner({ codexPath: codex.codexPath, environment: codex.environment });
    execFileSync("git", ["init", "-q", test.workdir]);
    const asked = test.request(`Go on. [[shell: ${STUBBORN}]]`, { sandbox });
    const runDir = test.start(asked);
    await waitFor(() => existsSync(join(test.workdir, "escaped")), { what: "the agent's command", timeoutMs: 20_000 });
    await sees(runDir, "item.started");
    return { ...test, asked, runDir };
  }

  it.each<RunRequest["sandbox"]>(["danger-full-access", "workspace-write"])(
    "leaves no process in %s",
    async (sandbox) => {
      const { runner, runDir } = await startReal(sandbox);
      const startedMs = performance.now();
      await runner.stop(runDir, GRACE_MS);
      expect(performance.now() - startedMs).toBeLessThan(GRACE_MS); // By SIGINT, not by the deadline.
      expect(findMarked(markerIn(runDir))).toEqual([]);
      expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 1 });
      expect(await runner.judge(runDir, undefined)).toMatchObject({ outcome: "interrupted", commandCount: 1 });
    },
  );

  it("works for a coordinator that did not start it, and with no time to lose", async () => {
    const { another, asked, runDir } = await startReal("danger-full-access");
    const successor = await another().adopt(leaseOf(asked));
    await successor.stop(0);
    expect(findMarked(markerIn(runDir))).toEqual([]);
    expect((await outcomeOf(successor)).verdict.outcome).toBe("interrupted");
  });
});

function leaseOf({ taskId: task, run, resumeThread: resume }: RunRequest): RunLease {
  return { task, run, resume };
}

function markerIn(runDir: string): string {
  const command = readFileSync(join(runDir, "command.json"), "utf8");
  const [, marker] = /CODEX_INBOX_RUN=\\"([^"\\]+)\\"/.exec(command) ?? [];
  if (marker === undefined) throw new Error(`no marker in ${command}`);
  return marker;
}

async function sees(runDir: string, text: string): Promise<void> {
  await waitFor(() => eventsSoFar(runDir).includes(text), { what: `${JSON.stringify(text)} in the events` });
}
