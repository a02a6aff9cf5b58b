import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createVerifier, type Verifier } from "../../../src/run/verify/verifier.ts";
import { findMarked } from "../../../src/run/worker/marker-scan.ts";
import type { VerifyFacts, VerifySandbox } from "../../../src/task/state/verification.ts";
import { realCodex } from "../../support/real-codex.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

const TASK = "20261120-141530-k3f9x2";
let workspaces = 0;

interface Bench {
  readonly verifier: Verifier;
  readonly workdir: string;
  readonly marker: string;
  /** CODEX_HOME. */
  readonly home: string;
  /** Starts `command`; returns the folder of its run. */
  start(command: string, sandbox?: VerifySandbox): string;
  /** The same, and waits for its end. */
  run(command: string, sandbox?: VerifySandbox): Promise<VerifyFacts>;
}

async function bench(environment: Readonly<Record<string, string>> = {}, folder = "."): Promise<Bench> {
  const codex = await realCodex();
  const base = realpathSync(tempDir());
  const workdir = join(base, "work", folder);
  mkdirSync(workdir, { recursive: true });
  workspaces += 1;
  const workspaceId = `verify-${process.pid}-${workspaces}`;
  const verifier = createVerifier({
    codexPath: () => codex.codexPath,
    environment: { ...codex.environment, ...environment },
    workspaceId,
  });
  let count = 0;
  const started: string[] = [];
  onTestFinished(async () => {
    for (const runDir of started) await verifier.stop(runDir, 0);
  });
  const start = (command: string, sandbox: VerifySandbox = "none"): string => {
    count += 1;
    const runDir = join(base, "work/.git/codex-inbox/runs", TASK, String(count));
    const request = { taskId: TASK, sessionKey: "docs", runDir, command, workdir, sandbox, environment: [] };
    verifier.prepare(request);
    started.push(runDir);
    verifier.start(request, () => undefined);
    return runDir;
  };
  return {
    ...{ verifier, workdir, start, home: codex.home },
    marker: `${workspaceId}/${TASK}/1`,
    async run(command, sandbox) {
      const runDir = start(command, sandbox);
      await waitFor(() => verifier.probe(runDir).kind === "ended", {
        what: `the end of ${command}`,
        timeoutMs: 20_000,
      });
      return verifier.read(runDir);
    },
  };
}

describe("a verify command outside of the sandbox", () => {
  it("prints both streams into one file, in order, and its exit code is kept", async () => {
    const { run } = await bench();
    const facts = await run("echo one; echo two >&2; echo three; exit 7");
    expect(facts).toMatchObject({ begun: true, exitCode: 7, signal: undefined, sandbox: "none", outputBytes: 14 });
    expect(facts.output).toBe("one\ntwo\nthree\n");
  });

  it("has an empty standard input, and runs in the working directory", async () => {
    const { run, workdir } = await bench();
    expect((await run("cat; pwd")).output).toBe(`${workdir}\n`);
  });

  it("knows what is on the list, and what a command line would not have", async () => {
    const { run } = await bench({ SECRET_TOKEN: "s", CODEX_API_KEY: "k", LC_ALL: "C.UTF-8" });
    const { output } = await run("env | cut -d= -f1 | sort");
    expect(output).not.toMatch(/SECRET|API_KEY|CODEX_HOME/);
    expect(output.split("\n")).toEqual(
      expect.arrayContaining(["CI", "CODEX_INBOX_RUN", "CODEX_INBOX_SESSION", "CODEX_INBOX_TASK", "LC_ALL", "PATH"]),
    );
  });

  it("that does not exist says so by its exit code; one that is killed by its signal", async () => {
    const { run } = await bench();
    expect(await run("no-such-command")).toMatchObject({ begun: true, exitCode: 127 });
    expect(await run("kill -9 $$")).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
  });

  it("is ended with all that it started, also what takes no hint", async () => {
    const { verifier, start, marker, workdir } = await bench();
    const runDir = start("(setsid sh -c 'trap \"\" TERM INT HUP; : > up; while :; do sleep 1; done' &); sleep 60");
    await waitFor(() => existsSync(join(workdir, "up")), { what: "the process that left" });
    await verifier.stop(runDir, 300);
    expect(findMarked(marker)).toEqual([]);
    expect(verifier.probe(runDir)).toMatchObject({ kind: "ended", exitCode: 143 });
  });

  it("is lost without its worker, even while it goes on: nobody would say how it ended", async () => {
    const { verifier, start, marker, workdir } = await bench();
    const runDir = start(": > up; while :; do sleep 0.05; done");
    await waitFor(() => existsSync(join(workdir, "up")), { what: "the command" });
    expect(verifier.probe(runDir).kind).toBe("alive");
    process.kill(JSON.parse(readFileSync(join(runDir, "claim"), "utf8")).pid, "SIGKILL");
    await waitFor(() => verifier.probe(runDir).kind === "vanished", { what: "the loss" });
    expect(findMarked(marker)).not.toEqual([]);
    await verifier.stop(runDir, 0);
    expect(findMarked(marker)).toEqual([]);
  });

  it("may tidy up when it is asked to end", async () => {
    const { verifier, start, workdir } = await bench();
    const runDir = start("trap 'sleep 0.2; : > tidy; exit 3' TERM; : > up; while :; do sleep 0.05; done");
    await waitFor(() => existsSync(join(workdir, "up")), { what: "the command" });
    await verifier.stop(runDir, 5_000);
    expect(existsSync(join(workdir, "tidy"))).toBe(true);
    expect(verifier.probe(runDir)).toEqual({ kind: "ended", exitCode: 3 });
  });

  it("that never began never will", async () => {
    const { verifier, workdir } = await bench();
    const runDir = join(tempDir(), TASK, "1");
    verifier.prepare({
      taskId: TASK,
      sessionKey: "docs",
      runDir,
      command: "touch x",
      workdir,
      sandbox: "none",
      environment: [],
    });
    expect(verifier.probe(runDir).kind).toBe("unclaimed");
    expect(verifier.seal(runDir)).toBe(true);
    expect(verifier.probe(runDir).kind).toBe("vanished");
    expect(verifier.read(runDir)).toMatchObject({ begun: false, exitCode: undefined });
  });

  it("in a folder that is not there is refused", async () => {
    const { start, workdir } = await bench();
    rmSync(workdir, { recursive: true });
    expect(() => start("true")).toThrow(/working directory .* is not there/);
  });
});

describe("a verify command in codex's sandbox", () => {
  it("writes where an agent may write, and nowhere else; its exit code comes through", async () => {
    const { run, workdir } = await bench();
    const facts = await run("echo x > inside && touch /var/tmp/codex-inbox-outside; exit 9", "workspace-write");
    expect(facts).toMatchObject({ sandbox: "workspace-write", begun: true, exitCode: 9 });
    expect(facts.output).toMatch(/Read-only file system/);
    expect(readFileSync(join(workdir, "inside"), "utf8")).toBe("x\n");
    expect(existsSync("/var/tmp/codex-inbox-outside")).toBe(false);
  });

  it("writes nothing where an agent may only read", async () => {
    const { run, workdir } = await bench();
    const facts = await run("touch inside", "read-only");
    expect(facts.sandbox).toBe("read-only");
    expect(facts.exitCode).toBe(1);
    expect(existsSync(join(workdir, "inside"))).toBe(false);
  });

  it("has no network", async () => {
    const { run } = await bench();
    const program = "require('net').connect(9, '127.0.0.1').on('error', (error) => console.log(error.code))";
    expect((await run(`node -e "${program}"`, "workspace-write")).output).toBe("EPERM\n");
  });

  it("has the network that its user lets agents have", async () => {
    const { run, home } = await bench();
    appendFileSync(join(home, "config.toml"), "\n[sandbox_workspace_write]\nnetwork_access = true\n");
    const program = "require('net').connect(9, '127.0.0.1').on('error', (error) => console.log(error.code))";
    expect((await run(`node -e "${program}"`, "workspace-write")).output).toBe("ECONNREFUSED\n");
  });

  it.each([".", "sub"])("does not reach the coordinator's own folder from %s, in /tmp either", async (folder) => {
    const { run, workdir } = await bench({}, folder);
    const top = folder === "." ? workdir : dirname(workdir);
    const { output } = await run(`echo x > ${top}/.git/codex-inbox/policy.json`, "workspace-write");
    expect(output).toMatch(/Read-only file system/);
    expect(existsSync(join(top, ".git/codex-inbox/policy.json"))).toBe(false);
  });

  it("is not widened by a configuration that an agent has left in the repository", async () => {
    const { run, home, workdir } = await bench({}, "sub");
    const outside = mkdtempSync("/var/tmp/codex-inbox-outside-");
    onTestFinished(() => rmSync(outside, { recursive: true, force: true }));
    appendFileSync(join(home, "config.toml"), `\n[projects.${JSON.stringify(workdir)}]\ntrust_level = "trusted"\n`);
    mkdirSync(join(workdir, ".codex"));
    const wider = `[sandbox_workspace_write]\nwritable_roots = [${JSON.stringify(outside)}]\n`;
    writeFileSync(join(workdir, ".codex/config.toml"), wider);
    expect((await run(`touch ${outside}/file`, "workspace-write")).output).toMatch(/Read-only file system/);
  });

  it("is told from a sandbox that could not be set up", async () => {
    const { verifier, workdir } = await bench();
    const runDir = join(tempDir(), TASK, "1");
    const broken = createVerifier({ codexPath: () => "/nowhere/codex", environment: {}, workspaceId: "broken" });
    const request = {
      taskId: TASK,
      sessionKey: "docs",
      runDir,
      command: "true",
      workdir,
      sandbox: "read-only",
      environment: [],
    } as const;
    broken.prepare(request);
    broken.start(request, () => undefined);
    await waitFor(() => verifier.probe(runDir).kind === "ended", { what: "the end" });
    expect(verifier.read(runDir)).toMatchObject({ begun: false, exitCode: 127 });
    expect(verifier.read(runDir).said).toContain("not found");
  });

  it("is ended like any other", async () => {
    const { verifier, start, marker, workdir } = await bench();
    const runDir = start("trap '' TERM; : > up; while :; do sleep 1; done", "workspace-write");
    await waitFor(() => existsSync(join(workdir, "up")), { what: "the command" });
    await verifier.stop(runDir, 200);
    expect(findMarked(marker)).toEqual([]);
    expect(verifier.probe(runDir).kind).toBe("ended");
  });
});
