import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseTranscript } from "../../../src/task/session/transcript.ts";
import { wrappedCodex } from "../../support/broken-codex.ts";
import { taskOf } from "../../support/coordinator-process.ts";
import { findMarkedRuns } from "../../support/marked-processes.ts";
import { type RealCodex, realCodex } from "../../support/real-codex.ts";
import { FAST_STUB_PATH } from "../../support/test-runner.ts";
import { waitFor } from "../../support/wait-for.ts";
import { killQuietly, type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

const SETTINGS = { maxAttempts: 2, retryBaseMs: 100, retryMaxMs: 200, stopGraceMs: 1_000 };

async function verified(settings: object = {}): Promise<{ codex: RealCodex; workspace: TestWorkspace }> {
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex });
  workspace.commitSettings({ ...SETTINGS, ...settings });
  return { codex, workspace };
}

/** Where the agent does not matter: the stub stands in for it, and the command runs in the real codex's sandbox. */
async function sandboxed(settings: object = {}): Promise<TestWorkspace> {
  const codex = await realCodex({ shellSnapshot: false });
  const codexPath = wrappedCodex(codex, `if [ "$1" = exec ]; then exec '${FAST_STUB_PATH}' "$@"; fi`);
  const workspace = await tempWorkspace({ codex: { codexPath, home: codex.home } });
  workspace.commitSettings({ ...SETTINGS, ...settings });
  return workspace;
}

/** A task whose agent adds a line to `turns` in every turn. */
function task(frontMatter: readonly string[], prompt = "Work."): string {
  return `---\n${frontMatter.join("\n")}\n---\n${prompt} [[shell: echo turn >> turns]]\n`;
}

function turns(workspace: TestWorkspace): number {
  const path = join(workspace.dir, "turns");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
}

/** A folder that no sandbox lets anything write to. */
function outside(): string {
  const dir = mkdtempSync("/var/tmp/codex-inbox-outside-");
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe("the real codex: a task with a verify command", () => {
  it("fails twice and then passes: one thread, three turns", async () => {
    const { codex, workspace } = await verified();
    const command = 'echo "seen $(wc -l < turns)"; test $(wc -l < turns) -ge 3';
    workspace.drop("docs/one.md", task([`verifyCommand: ${JSON.stringify(command)}`, "resume: false"]));
    const coordinator = await workspace.serveUntilIdle();
    const { frontMatter, id, sessionKey } = workspace.results.task("Work.");
    expect(frontMatter).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(frontMatter.verification).toMatchObject({ command, outcome: "passed", attempt: 3, exitCode: 0 });
    expect(turns(workspace)).toBe(3);
    // A turn is two requests: one asks for the command, one hears of its end.
    expect(codex.requests).toHaveLength(6);
    const threads = new Set(coordinator.lines("thread").map((line) => line.field("thread")));
    expect([...threads]).toEqual([frontMatter.thread]);
    expect(coordinator.lines("verify-started").map((line) => line.field("sandbox"))).toEqual(
      Array(3).fill("workspace-write"),
    );
    expect(coordinator.lines("verify-ended").map((line) => line.field("outcome"))).toEqual([
      ...["failed", "failed", "passed"],
    ]);
    const entries = parseTranscript(workspace.repo.git("show", `main:sessions/${sessionKey}/transcript.jsonl`));
    const checks = entries.filter((entry) => entry.task === id && entry.body.kind === "verify");
    expect(checks.map(({ body }) => body.kind === "verify" && body.output)).toEqual([
      "seen 1\n",
      "seen 2\n",
      "seen 3\n",
    ]);
    const repair = entries.filter(({ body }) => body.kind === "user").at(1)?.body;
    expect(repair?.kind === "user" && repair.text).toContain("seen 1");
    const message = workspace.repo.git("log", "-1", "--format=%B", "main");
    expect(message).toContain(`\nVerified: ${command}`);
  });

  it("never passes: a follow-up is filed once, and the chain is as long as is allowed", async () => {
    const { codex, workspace } = await verified({ maxVerifyAttempts: 2, followUp: "repairs", maxFollowUpDepth: 2 });
    workspace.drop("docs/one.md", task(["title: Make it so", "verifyCommand: echo not so; exit 3", "priority: 1"]));
    const coordinator = await workspace.serveUntilIdle({ code: 1 });
    const chain = ["Make it so", "Follow-up: Make it so"].map((title) =>
      workspace.results.tasks().filter((one) => one.title === title),
    );
    expect(chain.map((found) => found.length)).toEqual([1, 2]);
    const [first] = chain[0] ?? [];
    const [second, third] = (chain[1] ?? []).sort(
      (a, b) => Number(a.frontMatter.followUpDepth) - Number(b.frontMatter.followUpDepth),
    );
    expect(first?.frontMatter).toMatchObject({
      ...{ status: "failed", failure: "verification", attempts: 1, followUpTask: second?.id },
      reason: "verification failed: `echo not so; exit 3` ended with exit code 3 (2 of 2)",
    });
    expect(second?.frontMatter).toMatchObject({
      ...{ parent: first?.id, followUpDepth: 1, sessionKey: "repairs", followUp: "repairs", priority: 1 },
      ...{ followUpTask: third?.id, verifyCommand: "echo not so; exit 3" },
    });
    expect(second?.prompt).toContain("not so");
    expect(third?.frontMatter).toMatchObject({ parent: second?.id, followUpDepth: 2, status: "failed" });
    expect(third?.frontMatter.followUpTask).toBeUndefined();
    expect(workspace.repo.git("show", `main:${third?.path}`)).toContain("no follow-up was filed: the chain is 2 long");
    expect(coordinator.lines("accepted")).toHaveLength(3);
    expect(codex.requests).toHaveLength(12); // Three tasks, two turns each.
    expect(workspace.repo.git("log", "--format=%s", "main")).toContain("docs: failed: Make it so (verification)");
  });

  it("is ended with all it started when it takes too long, which counts as not passed", async () => {
    const workspace = await sandboxed();
    const command = "trap '' TERM INT; (setsid sh -c 'trap \"\" TERM INT HUP; sleep 300; :' &) ; sleep 300; :";
    workspace.drop(
      "docs/one.md",
      task([`verifyCommand: ${JSON.stringify(command)}`, "verifyTimeoutMs: 1500", "maxVerifyAttempts: 1"]),
    );
    await workspace.serveUntilIdle({ code: 1 });
    const { frontMatter } = workspace.results.task("Work.");
    expect(frontMatter).toMatchObject({ status: "failed", failure: "verification" });
    expect(frontMatter.reason).toMatch(/did not end within 1 s, its verifyTimeoutMs \(1 of 1\)$/);
    expect(workspace.agentPids()).toEqual([]);
  });

  it("is ended when it prints for ever, and the end of that is kept", async () => {
    const workspace = await sandboxed({ maxVerifyAttempts: 1 });
    workspace.drop("docs/one.md", task(["verifyCommand: yes"]));
    await workspace.serveUntilIdle({ code: 1 });
    const { frontMatter } = workspace.results.task("Work.");
    expect(frontMatter.reason).toBe("verification failed: `yes` printed more than 64 MB (1 of 1)");
    expect(workspace.repo.git("show", `main:${workspace.results.task("Work.").path}`).length).toBeLessThan(20_000);
    expect(workspace.agentPids()).toEqual([]);
  });

  it("cannot write outside of the work tree, and the result says what would allow it", async () => {
    const workspace = await sandboxed({ maxVerifyAttempts: 1 });
    const dir = outside();
    workspace.drop("docs/one.md", task([`verifyCommand: "touch inside && touch ${dir}/file"`]));
    await workspace.serveUntilIdle({ code: 1 });
    expect(existsSync(join(workspace.dir, "inside"))).toBe(true);
    expect(existsSync(join(dir, "file"))).toBe(false);
    const { frontMatter } = workspace.results.task("Work.");
    expect(frontMatter.verification).toMatchObject({ outcome: "failed", sandbox: "workspace-write" });
    expect(JSON.stringify(frontMatter.verification)).toContain("codex-inbox policy set verify unsandboxed");
  });

  it("does so once the owner of the machine has said that it runs outside the sandbox", async () => {
    const workspace = await sandboxed({ maxVerifyAttempts: 1 });
    const dir = outside();
    expect((await workspace.command("policy", "set", "verify", "unsandboxed")).code).toBe(0);
    workspace.drop("docs/one.md", task([`verifyCommand: "touch ${dir}/file"`]));
    await workspace.serveUntilIdle({ code: 1 }); // Nobody knows who wrote the file: outside of a sandbox its command has to be listed.
    expect(existsSync(join(dir, "file"))).toBe(false);
    expect((await workspace.command("policy", "allow", "verifyCommands", `touch ${dir}/file`)).code).toBe(0);
    await workspace.serveUntilIdle();
    expect(existsSync(join(dir, "file"))).toBe(true);
    const { verification } = workspace.results.task("Work.").frontMatter;
    expect(verification).toMatchObject({ outcome: "passed", sandbox: "none" });
  });

  it("that cannot be run is the configuration's fault: the agent is not asked again, and nothing is filed", async () => {
    const workspace = await sandboxed({ followUp: true });
    workspace.drop("docs/one.md", task(["verifyCommand: no-such-command --at-all"]));
    await workspace.serveUntilIdle({ code: 1 });
    const { frontMatter } = workspace.results.task("Work.");
    expect(frontMatter).toMatchObject({ status: "failed", failure: "verifyUnavailable" });
    expect(frontMatter.reason).toMatch(
      /^the verify command could not be run: `no-such-command --at-all` .* not found$/,
    );
    expect(frontMatter.followUpTask).toBeUndefined();
    expect(workspace.stubRuns()).toHaveLength(1);
  });
});

/** The steps of a verification that does not pass and is followed by another task. */
const POINTS = [
  "finish:journaled",
  "verify:directory-made",
  "verify:spawned",
  "verify:exit-seen",
  "verify:follow-up-filed",
  "verify:journaled",
] as const;

describe("a coordinator that dies around a verification neither skips nor repeats it wrongly", () => {
  it.each(POINTS)("at %s", async (fault) => {
    const workspace = await tempWorkspace();
    workspace.commitSettings({ ...SETTINGS, maxVerifyAttempts: 1 });
    workspace.drop("later/blocker.md", "---\nnotBefore: 2999-01-01T00:00:00Z\n---\nBlocks the follow-up.\n");
    const command = "echo checked >> checks; sleep 0.3; exit 1";
    workspace.drop("docs/one.md", `---\nverifyCommand: ${command}\nfollowUp: later\n---\nSay hello\n`);
    const crashed = workspace.serve({ args: ["--until-idle"], fault });
    expect(await crashed.ended, crashed.log()).toEqual({ code: null, signal: "SIGKILL" });
    await workspace.serveUntilIdle({ code: 1, isAlone: true });
    expect(workspace.stubRuns()).toHaveLength(1);
    expect(readFileSync(join(workspace.dir, "checks"), "utf8")).toBe("checked\n");
    const { frontMatter, id } = workspace.results.task("Say hello");
    expect(frontMatter).toMatchObject({ status: "failed", failure: "verification", attempts: 1 });
    const listed = JSON.parse((await workspace.command("ls", "--open", "--json")).stdout).tasks as {
      id: string;
      parent: string;
    }[];
    expect(listed.filter(({ parent }) => parent === id).map((one) => one.id)).toEqual([frontMatter.followUpTask]);
  });
});

/** What becomes of a verify command while nobody is there, and what the next coordinator is to find. */
const FOUND = { alive: "alive", ended: "ended", gone: "vanished", stopped: "vanished" } as const;
type Fate = keyof typeof FOUND;
const FATES = Object.keys(FOUND) as Fate[];

describe("verifications under way when their coordinator is killed", () => {
  it("are adopted, collected, run again alone, or ended: each as it was left", async () => {
    const { workspace, serve, idOf, free, marked, checks } = await verifying(FATES);
    await serve.kill();
    free("ended");
    for (const pid of marked("gone")) killQuietly(pid); // The end of one may be that of another.
    await workspace.command("stop", idOf("stopped"));
    expect(marked("stopped")).toEqual([]);
    await waitFor(() => marked("ended").length + marked("gone").length === 0, { what: "the end of the commands" });
    free("gone");

    const next = workspace.serve({ args: ["--max-workers", String(FATES.length)] });
    await next.saw("recovered", FATES.length);
    const found = next
      .lines("recovered")
      .map((line) => ["task", "state", "worker", "action"].map((key) => line.field(key)));
    expect(found.filter(([task]) => task !== idOf("stopped")).sort()).toEqual(
      FATES.flatMap((fate) => (fate === "stopped" ? [] : [[idOf(fate), "verifying", FOUND[fate], "watch"]])).sort(),
    );
    // The one that lives is waited for.
    await waitFor(() => workspace.results.tasks().length === FATES.length - 1, { what: "the others' results" });
    expect(marked("alive")).not.toEqual([]);
    free("alive");
    await waitFor(() => workspace.results.tasks().length === FATES.length, { what: "all results" });
    const results = FATES.map((fate) => workspace.results.task(`Say ${fate}`).frontMatter);
    expect(results.map(({ status, run }) => [status, run])).toEqual([
      ...[2, 2, 3].map((run) => ["succeeded", run]),
      ["cancelled", 2],
    ]);
    for (const { attempts } of results) expect(attempts).toBe(1);
    expect(FATES.map(checks)).toEqual([1, 1, 2, 1]);
    expect(workspace.stubRuns()).toHaveLength(FATES.length); // Each agent has run once.
    expect(workspace.agentPids()).toEqual([]);
  });
});

/** For each name a task whose verify command waits until it is let go; they are all under way. */
async function verifying<Name extends string>(names: readonly Name[]) {
  const workspace = await tempWorkspace();
  workspace.commitSettings({ ...SETTINGS, maxVerifyAttempts: 1 });
  for (const name of names) {
    const command = `echo checked >> ${name}.checks; until test -e ${name}.free; do sleep 0.1; done`;
    workspace.drop(`${name}/one.md`, `---\nverifyCommand: ${command}\n---\nSay ${name}\n`);
  }
  const serve = workspace.serve({ args: ["--max-workers", String(names.length)] });
  const checks = (name: Name): number => {
    const path = join(workspace.dir, `${name}.checks`);
    return existsSync(path) ? readFileSync(path, "utf8").split("checked\n").length - 1 : 0;
  };
  await waitFor(() => names.every((name) => checks(name) === 1), { what: "the commands" });
  await serve.saw("verify-started", names.length);
  const idOf = (name: Name): string => taskOf(serve, name);
  const clone = readFileSync(join(workspace.stateDir, "clone"), "utf8").split("\n")[0];
  return {
    ...{ workspace, serve, idOf, checks },
    free: (name: Name) => writeFileSync(join(workspace.dir, `${name}.free`), ""),
    /** The living processes of its runs. */
    marked: (name: Name) => findMarkedRuns(`${clone}/${idOf(name)}/`),
  };
}

describe("a stop during a verification", () => {
  it("by the user cancels the task; by a shutdown it is verified again at the next start, and no process is left", async () => {
    const { workspace, serve, idOf, free, marked, checks } = await verifying(["stopped", "shut"]);
    expect((await workspace.command("ls")).stdout).toContain("verifying");
    await workspace.command("stop", idOf("stopped"));
    await serve.saw("committed");
    expect(workspace.results.task("Say stopped").frontMatter).toMatchObject({
      status: "cancelled",
      failure: "stopped",
    });
    expect(marked("stopped")).toEqual([]);
    expect(marked("shut")).not.toEqual([]);

    serve.signal("SIGINT");
    await serve.saw("draining");
    serve.signal("SIGINT");
    expect(await serve.ended, serve.log()).toEqual({ code: 0, signal: null });
    expect(workspace.agentPids()).toEqual([]);
    free("shut");
    await workspace.serveUntilIdle();
    // The agent's work is not repeated.
    expect(workspace.results.task("Say shut").frontMatter).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(workspace.stubRuns()).toHaveLength(2);
    expect([checks("stopped"), checks("shut")]).toEqual([1, 2]);
  });
});
