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
import type { RunHandle, VerifyDriver } from "../../../src/run/driver.ts";
import { createVerifyDriver } from "../../../src/run/verify/verify-driver.ts";
import { findMarked } from "../../../src/run/worker/processes/marker-scan.ts";
import type { VerifyFacts, VerifyRequest, VerifySandbox } from "../../../src/task/state/verification.ts";
import { CONFINED } from "../../support/confined.ts";
import { PLAIN_KEEPER } from "../../support/kept.ts";
import { outcomeOf } from "../../support/outcome-of.ts";
import { realCodex } from "../../support/real-codex.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

const TASK = "20261120-141530-k3f9x2";
let workspaces = 0;

interface Bench {
  readonly driver: VerifyDriver;
  readonly workdir: string;
  readonly marker: string;
  /** CODEX_HOME. */
  readonly home: string;
  readonly runsDir: string;
  request(command: string, sandbox?: VerifySandbox): VerifyRequest;
  /** Starts `command`. */
  start(command: string, sandbox?: VerifySandbox): Promise<RunHandle<VerifyFacts>>;
  /** The same, and waits for its end. */
  run(command: string, sandbox?: VerifySandbox): Promise<VerifyFacts>;
}

async function bench(
  environment: Readonly<Record<string, string>> = {},
  folder = ".",
  codexPath?: string,
): Promise<Bench> {
  const codex = await realCodex({ shellSnapshot: false });
  const base = realpathSync(tempDir());
  const workdir = join(base, "work", folder);
  mkdirSync(workdir, { recursive: true });
  workspaces += 1;
  const workspaceId = `verify-${process.pid}-${workspaces}`;
  const runsDir = join(base, "work/.git/codex-inbox/runs");
  const driver = createVerifyDriver({
    codexPath: () => codexPath ?? codex.codexPath,
    environment: { ...codex.environment, ...environment },
    ...{ keeper: PLAIN_KEEPER, workspaceId, runsDir },
  });
  let count = 0;
  const started: RunHandle<VerifyFacts>[] = [];
  onTestFinished(async () => {
    for (const handle of started) await handle.stop(0);
  });
  const request = (command: string, sandbox: VerifySandbox = "none"): VerifyRequest => {
    count += 1;
    const confinement = { ...CONFINED, writeDenied: [dirname(runsDir)] };
    return { taskId: TASK, sessionKey: "docs", run: count, command, workdir, sandbox, confinement, environment: [] };
  };
  const start = async (command: string, sandbox?: VerifySandbox): Promise<RunHandle<VerifyFacts>> => {
    const handle = await driver.start(request(command, sandbox), () => true);
    if (handle === undefined) throw new Error("it was wanted");
    started.push(handle);
    return handle;
  };
  return {
    ...{ driver, workdir, runsDir, request, start, home: codex.home },
    marker: `${workspaceId}/${TASK}/1`,
    run: async (command, sandbox) => outcomeOf(await start(command, sandbox)),
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
    const { start, marker, workdir } = await bench();
    const handle = await start(
      "(setsid sh -c 'trap \"\" TERM INT HUP; : > up; while :; do sleep 1; done' &); sleep 60",
    );
    await waitFor(() => existsSync(join(workdir, "up")), { what: "the process that left" });
    await handle.stop(300);
    expect(findMarked(marker)).toEqual([]);
    expect(await outcomeOf(handle)).toMatchObject({ exitCode: 143 });
  });

  it("leaves nothing behind that it started, however it ended", async () => {
    const { run, marker } = await bench();
    expect(await run("(setsid sleep 60 &); exit 0")).toMatchObject({ exitCode: 0 });
    expect(findMarked(marker)).toEqual([]);
  });

  it("is lost without its worker, even while it goes on: nobody would say how it ended", async () => {
    const { driver, start, runsDir, marker, workdir } = await bench();
    const handle = await start(": > up; while :; do sleep 0.05; done");
    await waitFor(() => existsSync(join(workdir, "up")), { what: "the command" });
    expect(driver.probe(handle.lease)).toBe("alive");
    process.kill(JSON.parse(readFileSync(join(runsDir, TASK, "1/claim"), "utf8")).pid, "SIGKILL");
    await waitFor(() => driver.probe(handle.lease) === "vanished", { what: "the loss" });
    expect(findMarked(marker)).not.toEqual([]);
    expect(await outcomeOf(handle)).toMatchObject({ begun: true, exitCode: undefined });
    expect(findMarked(marker)).toEqual([]);
  });

  it("may tidy up when it is asked to end", async () => {
    const { start, workdir } = await bench();
    const handle = await start("trap 'sleep 0.2; : > tidy; exit 3' TERM; : > up; while :; do sleep 0.05; done");
    await waitFor(() => existsSync(join(workdir, "up")), { what: "the command" });
    await handle.stop(5_000);
    expect(existsSync(join(workdir, "tidy"))).toBe(true);
    expect(await outcomeOf(handle)).toMatchObject({ exitCode: 3 });
  });

  it("that never began never will", async () => {
    const { driver, request, workdir } = await bench();
    const asked = request("touch x");
    const lease = { task: TASK, run: asked.run, resume: undefined };
    expect(await driver.start(asked, () => false)).toBeUndefined();
    expect(driver.probe(lease)).toBe("unclaimed");
    expect(driver.seal(lease)).toBe(true);
    expect(driver.probe(lease)).toBe("vanished");
    expect(await outcomeOf(await driver.adopt(lease))).toMatchObject({ begun: false, exitCode: undefined });
    expect(existsSync(join(workdir, "x"))).toBe(false);
  });

  it("in a folder that is not there is refused", async () => {
    const { start, workdir } = await bench();
    rmSync(workdir, { recursive: true });
    await expect(start("true")).rejects.toThrow(/working directory .* is not there/);
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

  it("has none either where codex's own configuration lets its user's agents have it", async () => {
    const { run, home } = await bench();
    appendFileSync(join(home, "config.toml"), "\n[sandbox_workspace_write]\nnetwork_access = true\n");
    const program = "require('net').connect(9, '127.0.0.1').on('error', (error) => console.log(error.code))";
    expect((await run(`node -e "${program}"`, "workspace-write")).output).toBe("EPERM\n");
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
    const { run } = await bench({}, ".", "/nowhere/codex");
    const facts = await run("true", "read-only");
    expect(facts).toMatchObject({ begun: false, exitCode: 127 });
    expect(facts.said).toContain("not found");
  });

  it("is ended like any other", async () => {
    const { driver, start, marker, workdir } = await bench();
    const handle = await start("trap '' TERM; : > up; while :; do sleep 1; done", "workspace-write");
    await waitFor(() => existsSync(join(workdir, "up")), { what: "the command" });
    await handle.stop(200);
    expect(findMarked(marker)).toEqual([]);
    expect(driver.probe(handle.lease)).toBe("ended");
  });
});
