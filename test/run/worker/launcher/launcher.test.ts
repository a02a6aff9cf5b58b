import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Launcher } from "../../../../src/run/worker/launcher/launcher.ts";
import { makeVerifyDirectory } from "../../../../src/run/worker/run-directory.ts";
import type { WorkerSpec } from "../../../../src/run/worker/worker.ts";
import { outcomeOf } from "../../../support/outcome-of.ts";
import { childrenOf, readyLauncher, startedBy, waitUntilReady } from "../../../support/ready-launcher.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { eventsSoFar, FAST_STUB_PATH, testRunner } from "../../../support/test-runner.ts";
import { waitFor } from "../../../support/wait-for.ts";

/** Every character of one and two bytes' worth that a shell could stumble over, and some longer ones. */
const ALL = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join("");
const HOSTILE = [
  ...["", "'", "''", "'\\''", '"', "\\", "\\'", "a\nb", "\n", "\n\nexit 9\n", "$(touch hacked)", "`touch hacked`"],
  ...["; touch hacked; '", "-n", "--", "-", "*", "~", "#", "!", "$HOME $(id)", "a=b", "a b\tc", "日本 🎉", ALL],
];

interface Ended {
  readonly runDir: string;
  readonly exitCode: number;
  readonly output: string;
}

function specOf(command: readonly string[], changes: Partial<WorkerSpec> = {}): WorkerSpec {
  const runDir = changes.runDir ?? join(tempDir(), "run");
  const spec = { runDir, command, workdir: tempDir(), environment: {}, ...changes };
  makeVerifyDirectory(runDir, spec);
  return spec;
}

/** Runs a command to its end. */
async function runWith(launcher: Launcher, spec: WorkerSpec): Promise<Ended> {
  await new Promise<void>((resolve, reject) => {
    launcher.start(spec, resolve).catch(reject);
  });
  return { runDir: spec.runDir, exitCode: exitCodeOf(spec) ?? -1, output: eventsSoFar(spec.runDir) };
}

function exitCodeOf({ runDir }: WorkerSpec): number | undefined {
  const path = join(runDir, "exit.json");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return text === "" ? undefined : JSON.parse(text).exitCode;
}

/** A command that waits for a file of this name in its working directory. */
const WAITS = ["/bin/sh", "-c", "until [ -e go ]; do sleep 0.02; done; echo done >> ran"];

describe.each(["/bin/sh", "/bin/bash"])("a launcher that is %s", (program) => {
  it("passes every word, path and variable on unchanged, and nothing of its own", async () => {
    const { launcher } = await readyLauncher(program);
    const home = tempDir();
    const workdir = join(home, ALL.slice(0, 127).replaceAll("/", ""), ALL.slice(127, 190), ALL.slice(190));
    mkdirSync(workdir, { recursive: true });
    const values = HOSTILE.map((value, index): [string, string] => [`V_${index}`, value]);
    const environment = {
      ...Object.fromEntries(values),
      ...{ PATH: "/usr/bin:/bin", HOME: "/h'ome", key: "k", word: "w", env: "e", id: "i", A: "\n" },
    };
    const script = 'cat "/proc/$PPID/environ" >environ; printf "%s\\0" "$@"';
    const spec = specOf(["/bin/sh", "-c", script, "sh", ...HOSTILE], {
      ...{ environment, workdir, runDir: join(home, `-r'u\n$(n)${"é"}`) },
    });
    const { exitCode, output } = await runWith(launcher, spec);
    expect(exitCode).toBe(0);
    expect(output.split("\0")).toEqual([...HOSTILE, ""]);
    const entries = readFileSync(join(workdir, "environ"), "utf8").split("\0").slice(0, -1);
    const given = entries.filter((entry) => !/^(_|SHLVL)=/.test(entry)); // Bash counts itself, here as it does in a worker.
    expect(given.sort()).toEqual(
      Object.entries(environment)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    );
    expect(existsSync(join(workdir, "hacked"))).toBe(false);
  });

  it("gives a worker what it has when it is started without: its session, signals, mask and streams", async () => {
    const { launcher, pid } = await readyLauncher(program);
    const script = [
      'read -r self _ _ parent group session _ </proc/$PPID/stat; echo "$parent $((self - group)) $((self - session))"',
      "grep -E '^(SigIgn|SigBlk|Umask)' /proc/self/status; umask; ls /proc/self/fd; readlink /proc/$$/fd/* /proc/$PPID/fd/0",
      "echo to-stderr >&2",
    ].join("\n");
    const environment = { PATH: "/usr/bin:/bin" };
    const runDir = join(tempDir(), "run");
    const [launched, direct] = [specOf(["/bin/sh", "-c", script], { environment, runDir }), process.pid];
    const first = await runWith(launcher, launched);
    launcher.close(); // The next one is started here.
    const second = await runWith(launcher, specOf(["/bin/sh", "-c", script], { environment }));
    const facts = ({ output, runDir: dir }: Ended): string => output.replaceAll(dir, "RUN");
    expect(facts(first)).toMatch(new RegExp(`^${pid} 0 0\n`));
    expect(facts(second)).toBe(facts(first).replace(`${pid} 0 0`, `${direct} 0 0`));
    expect(readFileSync(join(runDir, "stderr.log"), "utf8")).toBe("to-stderr\n");
  });
});

describe("a launcher", () => {
  it("leaves no zombie behind after 200 runs, four at a time", { timeout: 30_000 }, async () => {
    const { launcher, pid } = await readyLauncher();
    const line = async (): Promise<void> => {
      for (let round = 0; round < 50; round += 1)
        expect((await runWith(launcher, specOf(["/bin/true"]))).exitCode).toBe(0);
    };
    await Promise.all([line(), line(), line(), line()]);
    await waitFor(() => childrenOf(pid).length === 0, { what: "the last workers to be waited for" });
    expect(await startedBy(launcher)).toBe(pid);
    expect(childrenOf(process.pid)).toContain(pid);
  });

  it("does not start what it cannot pass on unchanged: that is started without it", async () => {
    const { launcher, pid } = await readyLauncher();
    const parent = "read -r _ _ _ parent _ </proc/$PPID/stat; echo $parent";
    for (const environment of [
      { "a-b": "1" },
      { PPID: "1" },
      { IFS: "x" },
      { BASH_ENV: "/x" },
      { launcher_env: "1" },
    ]) {
      const spec = specOf(["/bin/sh", "-c", `cat /proc/$PPID/environ >environ; ${parent}`], { environment });
      expect((await runWith(launcher, spec)).output).toBe(`${process.pid}\n`);
      expect(readFileSync(join(spec.workdir, "environ"), "utf8")).toBe(
        `${Object.entries(environment)[0]?.join("=")}\0`,
      );
    }
    expect(await startedBy(launcher)).toBe(pid);
  });

  it("tells that the working directory is gone, and goes on", async () => {
    const { launcher, pid } = await readyLauncher();
    const { driver, runner, request, dirOf, workdir } = testRunner({ launcher });
    const asked = request("x");
    const start = driver.start(asked, () => {
      rmdirSync(workdir);
      return true;
    });
    await expect(start).rejects.toMatchObject({
      ...{ code: "CODEX", message: `cannot start a worker for ${dirOf(asked)} in ${workdir}` },
      cause: { code: "ENOENT" },
    });
    expect(runner.probe(dirOf(asked))).toEqual({ kind: "vanished" });
    expect(await startedBy(launcher)).toBe(pid);
  });

  it("that is killed takes no run with it: all end with their record, once, and the next one is started", async () => {
    const { launcher, pid } = await readyLauncher();
    const ended: number[] = [];
    const specs = [0, 1, 2].map(() => specOf(WAITS, { environment: { PATH: "/usr/bin:/bin" } }));
    for (const [index, spec] of specs.entries()) await launcher.start(spec, () => ended.push(index));
    process.kill(pid, "SIGKILL");
    await waitFor(() => !childrenOf(process.pid).includes(pid), { what: "the launcher to be gone" });
    expect(await startedBy(launcher)).toBe(process.pid);
    expect(specs.map(exitCodeOf)).toEqual([undefined, undefined, undefined]);
    for (const { workdir } of specs) writeFileSync(join(workdir, "go"), "");
    await waitFor(() => ended.length === 3, { what: "all runs to say that they have ended" });
    expect(ended.toSorted()).toEqual([0, 1, 2]);
    expect(specs.map(exitCodeOf)).toEqual([0, 0, 0]);
    for (const { workdir } of specs) expect(readFileSync(join(workdir, "ran"), "utf8")).toBe("done\n");
    expect(await waitUntilReady(launcher)).not.toBe(pid);
  });

  it.each([
    { name: "is killed", isKilled: true },
    { name: "does not answer, and is ended for that", isKilled: false },
  ])("that $name before it has started a run: the run is started, once", { timeout: 20_000 }, async ({ isKilled }) => {
    const { launcher, pid } = await readyLauncher();
    const { follow, request, stubRuns } = testRunner({ launcher });
    process.kill(pid, "SIGSTOP");
    const started = follow(request("x"));
    if (isKilled) process.kill(pid, "SIGKILL");
    expect((await outcomeOf(await started)).verdict.outcome).toBe("succeeded");
    expect(stubRuns()).toHaveLength(1);
    expect(childrenOf(process.pid)).not.toContain(pid);
    expect(await waitUntilReady(launcher)).not.toBe(pid);
  });

  it("that dies once it has started a run, before it could say so: the run is made once", async () => {
    const { launcher, pid } = await readyLauncher();
    const spec = specOf(WAITS, { environment: { PATH: "/usr/bin:/bin" } });
    const { launcher: another } = await readyLauncher();
    await another.start(spec, () => undefined); // As if it had been this launcher.
    await waitFor(() => existsSync(join(spec.runDir, "claim")), { what: "the claim" });
    process.kill(pid, "SIGSTOP");
    let ended = 0;
    const started = launcher.start(spec, () => {
      ended += 1;
    });
    process.kill(pid, "SIGKILL");
    await started;
    await waitFor(() => ended === 1, { what: "the second worker to end" });
    expect(exitCodeOf(spec)).toBeUndefined();
    writeFileSync(join(spec.workdir, "go"), "");
    await waitFor(() => exitCodeOf(spec) === 0, { what: "the exit to be recorded" });
    expect(readFileSync(join(spec.workdir, "ran"), "utf8")).toBe("done\n");
  });

  it("has a worker that was killed noticed and waited for, although that says nothing", async () => {
    const { launcher, pid } = await readyLauncher();
    const { request, follow, dirOf } = testRunner({ launcher });
    const asked = request("[[say: begun]] [[hang]]");
    const outcome = outcomeOf(await follow(asked));
    await waitFor(() => eventsSoFar(dirOf(asked)).includes("begun"), { what: "the agent" });
    const worker: number = JSON.parse(readFileSync(join(dirOf(asked), "claim"), "utf8")).pid;
    expect(childrenOf(pid)).toEqual([worker]);
    const [agent] = childrenOf(worker);
    for (const one of [worker, agent]) process.kill(one ?? 0, "SIGKILL");
    expect((await outcome).verdict.outcome).toBe("vanished");
    await waitFor(() => childrenOf(pid).length === 0, { what: "the killed worker to be waited for" });
  });

  it("ends when it is closed; what it has started goes on", async () => {
    const { launcher, pid } = await readyLauncher();
    const spec = specOf(WAITS, { environment: { PATH: "/usr/bin:/bin" } });
    onTestFinished(() => writeFileSync(join(spec.workdir, "go"), ""));
    await launcher.start(spec, () => undefined);
    launcher.close();
    await waitFor(() => !childrenOf(process.pid).includes(pid), { what: "the launcher to end" });
    writeFileSync(join(spec.workdir, "go"), "");
    await waitFor(() => exitCodeOf(spec) === 0, { what: "the exit to be recorded" });
    expect(await startedBy(launcher)).toBe(process.pid);
  });

  it("without `setsid` on its path starts nothing: workers are started without it", async () => {
    const path = process.env.PATH;
    onTestFinished(() => {
      process.env.PATH = path;
    });
    process.env.PATH = tempDir();
    const { createLauncher } = await import("../../../../src/run/worker/launcher/launcher.ts");
    const launcher = createLauncher();
    onTestFinished(launcher.close);
    for (let start = 0; start < 6; start += 1) {
      const before = childrenOf(process.pid);
      expect(await startedBy(launcher)).toBe(process.pid);
      await waitFor(() => childrenOf(process.pid).length <= before.length, { what: "the useless launcher to end" });
    }
    expect(childrenOf(process.pid)).toEqual([]);
  });

  it("runs many agents through a driver as they run without it", async () => {
    const { launcher, pid } = await readyLauncher();
    const { request, follow } = testRunner({ launcher, codexPath: FAST_STUB_PATH });
    for (let round = 0; round < 10; round += 1) {
      const { verdict } = await outcomeOf(await follow(request("x")));
      expect(verdict.outcome).toBe("succeeded");
    }
    expect(await startedBy(launcher)).toBe(pid);
  });
});
