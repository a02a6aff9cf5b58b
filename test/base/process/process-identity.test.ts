import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { isAlive, ownIdentity, readPidNamespace, readStartTicks } from "../../../src/base/process/process-identity.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

/** Greater than any process id that Linux gives out (2^22). */
const NO_SUCH_PID = 5_000_000;

function start(command: string, args: readonly string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} did not start`);
  return Object.assign(child, { pid });
}

it("knows this process to be alive", () => {
  const self = ownIdentity();
  expect(self.pid).toBe(process.pid);
  expect(isAlive(self)).toBe(true);
  expect(readPidNamespace()).toMatch(/^pid:\[\d+\]$/);
});

it.each([
  { name: "a later process with its id", changes: { startTicks: "1" } },
  { name: "a process of another boot", changes: { bootId: "00000000-0000-0000-0000-000000000000" } },
  { name: "a process that never was", changes: { pid: NO_SUCH_PID } },
])("does not take $name for this process", ({ changes }) => {
  expect(isAlive({ ...ownIdentity(), ...changes })).toBe(false);
});

it("sees a process end", async () => {
  const child = start("sleep", ["1000"]);
  const identity = { ...ownIdentity(), pid: child.pid, startTicks: readStartTicks(child.pid) ?? "" };
  expect(isAlive(identity)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isAlive(identity)).toBe(false);
});

it("counts a process as alive that is stopped", async () => {
  const child = start("sleep", ["1000"]);
  child.kill("SIGSTOP");
  await waitFor(() => stateOf(child.pid) === "T", { what: "the process to stop" });
  expect(readStartTicks(child.pid)).toMatch(/^\d+$/);
});

it("counts a zombie as gone: it has ended, and only its parent has not asked", async () => {
  // The shell becomes `sleep`, which never asks for the child that it has inherited.
  const parent = start("sh", ["-c", "sleep 1000 & echo $!; exec sleep 1000"]);
  const [output] = (await once(parent.stdout ?? parent, "data")) as [Buffer];
  const zombie = Number(output.toString());
  await waitFor(() => commandOf(parent.pid) === "sleep", { what: "the shell to become sleep" });
  expect(readStartTicks(zombie)).toMatch(/^\d+$/);
  process.kill(zombie, "SIGKILL");
  await waitFor(() => stateOf(zombie) === "Z", { what: "the zombie" });
  expect(readStartTicks(zombie)).toBeUndefined();
});

it.each(["spaced name", ") Z 1 2 3", "((a) b"])("reads past a program's name, were it %j", async (name) => {
  const program = join(tempDir(), name);
  copyFileSync("/bin/sleep", program);
  const child = start(program, ["1000"]);
  await waitFor(() => commandOf(child.pid) === name, { what: "the program to run" });
  const uptimeTicks = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 100;
  const startTicks = Number(readStartTicks(child.pid));
  expect(startTicks).toBeGreaterThan(uptimeTicks - 3_000);
  expect(startTicks).toBeLessThanOrEqual(uptimeTicks + 100);
});

it("finds no start time for a process that never was", () => {
  expect(readStartTicks(NO_SUCH_PID)).toBeUndefined();
});

/** The state letter of `pid`, by another way than the code under test. */
function stateOf(pid: number): string | undefined {
  return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
}
