import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { WITHOUT_NAMESPACES, wrappedCodex } from "../../support/broken-codex.ts";
import { type RealCodex, realCodex } from "../../support/real-codex.ts";
import { beside, besideEach } from "../../support/test-end.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

/** A tool that takes no hint, and what it started in a session of its own. */
const STUBBORN =
  "trap '' TERM INT HUP; setsid sh -c \"trap '' TERM INT HUP; touch escaped; sleep 300; :\" & sleep 300; :";
/** Ends, and leaves such a command running; then the model says nothing. */
const LEFT_BEHIND = `${STUBBORN.slice(0, STUBBORN.indexOf(" & "))} >/dev/null 2>&1 & sleep 1]] [[hang`;

/** Attempts and delays as a test can wait for them. */
async function workspaceWith(codex: Pick<RealCodex, "codexPath" | "home">, settings = {}): Promise<TestWorkspace> {
  const workspace = await tempWorkspace({ codex });
  const limits = { maxAttempts: 2, retryBaseMs: 100, retryMaxMs: 200, stopGraceMs: 5_000, ...settings };
  workspace.commitSettings(limits);
  return workspace;
}

/** The living processes of the runs by their command lines: codex itself without its helpers, and the shells that are workers. */
function agents(workspace: TestWorkspace): { readonly codex: readonly number[]; readonly workers: readonly number[] } {
  const lines = workspace.agentPids().map((pid) => ({ pid, line: commandLineOf(pid) }));
  const workers = lines.filter(({ line }) => line.includes("/shim.sh\0"));
  const codex = lines.filter(({ line }) => !line.includes("/shim.sh\0") && line.includes("\0exec\0--json\0"));
  return { codex: codex.map(({ pid }) => pid), workers: workers.map(({ pid }) => pid) };
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // Ended meanwhile.
  }
}

/** Every process with this folder as its working directory: also one that has lost its marker. */
function processesIn(dir: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(dir);
    } catch {
      return false; // Ended meanwhile, or a zombie.
    }
  });
}

it.concurrent(
  "crashed: a panic of codex is tried again, and counts",
  beside(async () => {
    const codex = await realCodex({ shellSnapshot: false });
    // A full disk where its events go.
    const workspace = await workspaceWith({
      home: codex.home,
      codexPath: wrappedCodex(codex, '[ "$1" = exec ] && exec >/dev/full'),
    });
    workspace.drop("docs/one.md", "One. [[final: ok]]\n");
    const coordinator = await workspace.serveUntilIdle({ code: 1, isAlone: true });
    const { frontMatter, result } = workspace.results.task("One.");
    expect(frontMatter).toMatchObject({ status: "failed", failure: "crashed", attempts: 2, run: 2 });
    expect(result?.reason).toMatch(/^codex crashed: .*failed printing to stdout: No space left on device/);
    expect(coordinator.lines("started")).toHaveLength(2);
    expect(codex.requests.length).toBeLessThanOrEqual(2); // It comes as far as it comes until its first event.
  }),
);

it.concurrent(
  "connection: a refused one ends the run, whatever codex's own configuration says, and is tried again",
  beside(async () => {
    const codex = await realCodex({ shellSnapshot: false, retriesMax: 1 });
    const path = join(codex.home, "config.toml");
    const config = readFileSync(path, "utf8").replace("retries = false", "retries = true");
    expect(config).toContain("unbounded_connection_retries = true");
    writeFileSync(path, config);
    await codex.server.close();
    const workspace = await workspaceWith(codex);
    workspace.drop("docs/one.md", "One. [[final: ok]]\n");
    const coordinator = await workspace.serveUntilIdle({ code: 1, isAlone: true });
    const { frontMatter, result } = workspace.results.task("One.");
    expect(frontMatter).toMatchObject({ status: "failed", failure: "connection", attempts: 2, run: 2 });
    expect(result?.reason).toBe("no connection to the model: Connection failed: error sending request");
    // Codex's own tries within each run are bounded too: one more, as it is configured.
    const said = workspace.results
      .transcript("docs")
      .flatMap(({ run, body }) => (body.kind === "error" ? [{ run, message: body.message }] : []));
    expect(said.filter(({ message }) => message.startsWith("Reconnecting"))).toEqual(
      [1, 2].map((run) => ({ run, message: expect.stringMatching(/^Reconnecting\.\.\. 1\/1 \(Connection failed/) })),
    );
    expect(coordinator.lines("started")).toHaveLength(2);
  }),
);

describe.concurrent("a run that is lost is made again, and costs nothing", () => {
  it.concurrent.for(["killed", "vanished"])(
    "%s",
    besideEach(async (failure) => {
      const codex = await realCodex({ shellSnapshot: false });
      const workspace = await workspaceWith(codex, { maxAttempts: 1 });
      workspace.drop("docs/one.md", "One. [[hang x1]] [[final: at last]]\n");
      const coordinator = workspace.serve();
      await waitFor(() => codex.requests.length === 1, { what: "the request" });
      const running = agents(workspace);
      expect([running.codex.length, running.workers.length]).toEqual([1, 1]);
      // Without its worker, codex's end is on no record.
      for (const pid of [...(failure === "vanished" ? running.workers : []), ...running.codex])
        process.kill(pid, "SIGKILL");
      await coordinator.saw("committed");
      const { frontMatter, result } = workspace.results.task("One.");
      expect(frontMatter).toMatchObject({ status: "succeeded", attempts: 1, run: 2 });
      expect(result?.lastMessage).toBe("at last");
      const reasons = coordinator.lines("run-ended").map((line) => line.field("reason"));
      expect(reasons).toEqual([failure === "killed" ? "the run was interrupted" : "the worker vanished", undefined]);
      const [first, second] = coordinator.lines("started");
      expect(first?.field("resume")).toBeUndefined();
      expect(second?.field("resume")).toBe(codex.requests[0]?.threadId);
      expect(codex.requests).toHaveLength(2);
    }),
  );
});

it.concurrent(
  "codexUnavailable: nothing starts until codex is there again, and no attempt is counted",
  beside(async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const off = join(codex.home, "gone");
    // What is asked before each run is answered still: that a program is gone altogether is found before a run begins (below).
    const script = `case $1 in mcp|sandbox) ;; *) if [ -e '${off}' ]; then exit 127; fi ;; esac`;
    const workspace = await workspaceWith(
      { home: codex.home, codexPath: wrappedCodex(codex, script) },
      { maxAttempts: 1 },
    );
    const coordinator = workspace.serve();
    await coordinator.saw("serving");
    writeFileSync(off, "");
    workspace.drop("docs/one.md", "One. [[final: ok]]\n");
    const ended = await coordinator.saw("run-ended");
    expect(ended.field("reason")).toMatch(/^codex could not be run: /);
    const health = await (await coordinator.ask("/health")).json();
    expect(health).toMatchObject({ status: "waiting" });
    rmSync(off);
    await coordinator.saw("committed");
    expect(workspace.results.task("One.").frontMatter).toMatchObject({ status: "succeeded", attempts: 1, run: 2 });
    expect(codex.requests).toHaveLength(1);
  }),
);

it.concurrent(
  "a codex that is no program any more: no run begins until it is one again",
  beside(async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const codexPath = wrappedCodex(codex, "");
    const workspace = await workspaceWith({ home: codex.home, codexPath }, { maxAttempts: 1 });
    const coordinator = workspace.serve();
    await coordinator.saw("serving");
    chmodSync(codexPath, 0o644);
    workspace.drop("docs/one.md", "One. [[final: ok]]\n");
    await coordinator.saw("codex-gone");
    expect(await (await coordinator.ask("/health")).json()).toMatchObject({ status: "waiting", sandbox: null });
    chmodSync(codexPath, 0o755);
    await coordinator.saw("committed");
    expect(workspace.results.task("One.").frontMatter).toMatchObject({ status: "succeeded", attempts: 1, run: 1 });
    expect(codex.requests).toHaveLength(1);
  }),
);

describe.concurrent("an agent whose command is deaf and has left its session leaves no process", () => {
  function expectNobody(workspace: TestWorkspace): void {
    expect(workspace.agentPids()).toEqual([]);
    expect(processesIn(workspace.dir)).toEqual([]);
  }

  it.concurrent(
    "when it is stopped",
    beside(async () => {
      const workspace = await workspaceWith(await realCodex({ shellSnapshot: false }), { maxAttempts: 1 });
      workspace.drop("docs/one.md", `One. [[shell: ${STUBBORN}]]\n`);
      const coordinator = workspace.serve();
      await waitFor(() => existsSync(join(workspace.dir, "escaped")), {
        what: "the agent's command",
        timeoutMs: 20_000,
      });
      const id = (await coordinator.saw("thread")).field("task") ?? "";
      expect((await workspace.command("stop", id)).code).toBe(0);
      await coordinator.saw("committed");
      coordinator.signal("SIGTERM");
      await coordinator.ended;
      const { frontMatter, result } = workspace.results.task("One.");
      expect(frontMatter).toMatchObject({ status: "cancelled", failure: "stopped" });
      expect(result?.reason).toBe("stopped by the user");
      expectNobody(workspace);
    }),
  );

  it.concurrent(
    "when it is timed out, and beside it one that is stalled",
    beside(async () => {
      const ends = [
        ["timedOut", "timeoutMs", STUBBORN, /^timed out: .* 6 s \(timeoutMs of the task\)$/],
        // While a command is under way it lives: what it has left behind goes on.
        ["stalled", "stallTimeoutMs", LEFT_BEHIND, /^stalled: .* 6 s, .*\(stallTimeoutMs of the task\)$/],
      ] as const;
      const workspace = await workspaceWith(await realCodex({ shellSnapshot: false }), {
        maxAttempts: 1,
        maxWorkers: 2,
      });
      for (const [failure, key, command] of ends) {
        const shell = command.replace("touch escaped", `touch ${failure}`);
        workspace.drop(`${failure}/one.md`, `---\n${key}: 6000\n---\n${failure}. [[shell: ${shell}]]\n`);
      }
      await workspace.serveUntilIdle({ code: 1, isAlone: true });
      for (const [failure, , , reason] of ends) {
        expect(existsSync(join(workspace.dir, failure))).toBe(true);
        const task = workspace.results.task(`${failure}.`);
        expect(task.frontMatter).toMatchObject({ status: "failed", failure, attempts: 1 });
        expect(task.result?.reason).toMatch(reason);
      }
      expectNobody(workspace);
    }),
  );

  it.concurrent(
    "when the coordinator, the worker and codex are killed, and the next start finds it",
    beside(async () => {
      const codex = await realCodex({ shellSnapshot: false });
      const workspace = await workspaceWith(codex, { maxAttempts: 1 });
      workspace.drop("docs/one.md", `One. [[shell: ${STUBBORN}]] [[final: done]]\n`);
      const first = workspace.serve();
      await waitFor(() => existsSync(join(workspace.dir, "escaped")), {
        what: "the agent's command",
        timeoutMs: 20_000,
      });
      await first.kill();
      const { workers, codex: running } = agents(workspace);
      expect([running.length, workers.length]).toEqual([1, 1]);
      for (const pid of [...workers, ...running]) process.kill(pid, "SIGKILL");
      const second = workspace.serve();
      await second.saw("started");
      const id = second.lines("started")[0]?.field("task") ?? "";
      expect((await workspace.command("stop", id)).code).toBe(0);
      await second.saw("committed");
      expect(workspace.results.task("One.").frontMatter).toMatchObject({ attempts: 1, run: 2 });
      second.signal("SIGTERM");
      await second.ended;
      expectNobody(workspace);
    }),
  );
});

describe.concurrent("sandboxUnavailable: codex's sandbox", () => {
  /** Codex without a sandbox for as long as `switch` is there. */
  async function switched(isBroken: boolean) {
    const codex = await realCodex({ shellSnapshot: false });
    const off = join(codex.home, "no-sandbox");
    if (isBroken) writeFileSync(off, "");
    const codexPath = wrappedCodex(codex, `if [ -e '${off}' ]; then ${WITHOUT_NAMESPACES}; fi`);
    const workspace = await workspaceWith({ home: codex.home, codexPath }, { maxAttempts: 1 });
    return { codex, off, workspace };
  }

  it.concurrent(
    "is tried at the start: tasks wait for it, health and status say why, and one without a sandbox does not wait",
    beside(async () => {
      const { codex, off, workspace } = await switched(true);
      await workspace.command("policy", "set", "sandbox", "danger-full-access");
      const coordinator = workspace.serve();
      const reason = /^codex's sandbox does not work \(bwrap: .*\): let unprivileged users make user namespaces/;
      expect((await coordinator.saw("sandbox-broken")).field("reason")).toMatch(reason);
      workspace.drop("docs/one.md", "One. [[shell: touch one]] [[final: ok]]\n");
      workspace.drop(
        "other/two.md",
        "---\nsandbox: danger-full-access\n---\nTwo. [[shell: touch two]] [[final: ok]]\n",
      );
      await coordinator.saw("committed");
      expect(existsSync(join(workspace.dir, "two"))).toBe(true);
      const health = await (await coordinator.ask("/health")).json();
      expect(health).toMatchObject({ status: "waiting", sandbox: { reason: expect.stringMatching(reason) } });
      expect((await workspace.command("status")).stdout).toContain("sandbox    tasks that need it wait since ");
      expect((await workspace.command("ls")).stdout).toContain("codex's sandbox does not work");
      expect(codex.requests.every(({ userTexts }) => !JSON.stringify(userTexts).includes("One."))).toBe(true);

      rmSync(off);
      await workspace.command("resume", "--now");
      await coordinator.saw("committed", 2);
      expect(workspace.results.task("One.").frontMatter).toMatchObject({ status: "succeeded", attempts: 1 });
      expect(existsSync(join(workspace.dir, "one"))).toBe(true);
    }),
  );

  it.concurrent(
    "is missed by a run that had relied on it: that is no success, and the task runs again once it works",
    beside(async () => {
      const { off, workspace } = await switched(false);
      const coordinator = workspace.serve();
      workspace.drop("a/zero.md", "Zero. [[shell: touch zero]] [[final: ok]]\n");
      await coordinator.saw("committed");
      writeFileSync(off, "");
      workspace.drop("docs/one.md", "One. [[shell: touch one]] [[final: ok]]\n");
      expect((await coordinator.saw("run-ended", 2)).field("reason")).toMatch(
        /^codex's sandbox does not work: .*bwrap: /,
      );
      expect((await coordinator.saw("sandbox-broken")).field("reason")).toMatch(/^codex's sandbox does not work/);
      rmSync(off);
      await workspace.command("resume", "--now");
      await coordinator.saw("committed", 2);
      expect(workspace.results.task("One.").frontMatter).toMatchObject({ status: "succeeded", attempts: 1, run: 2 });
    }),
  );
});
