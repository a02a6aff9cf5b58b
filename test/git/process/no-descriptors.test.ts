import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { runProgram } from "../../../src/base/process/run-program.ts";
import { worldFaultCode } from "../../../src/base/world-fault.ts";
import { createLockWatch } from "../../../src/git/gate/lock-watch.ts";
import { createObjectReader } from "../../../src/git/objects/object-reader.ts";
import { runGit } from "../../../src/git/process/git-process.ts";

const descriptors = vi.hoisted(() => ({ areUsedUp: false }));

/** Without file descriptors `spawn` returns a child without pipes, and tells why a tick later. */
vi.mock("node:child_process", async (original) => {
  const real = await original<typeof import("node:child_process")>();
  return {
    ...real,
    spawn(...args: Parameters<typeof real.spawn>) {
      if (!descriptors.areUsedUp) return real.spawn(...args);
      const child = Reflect.construct(real.ChildProcess, []) as import("node:child_process").ChildProcess;
      const error = Object.assign(new Error("spawn EMFILE"), { code: "EMFILE" });
      process.nextTick(() => child.emit("error", error));
      return child;
    },
  };
});

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "no-descriptors-"));
  execFileSync("git", ["init", "-q", directory]);
  descriptors.areUsedUp = true;
});
afterEach(() => {
  descriptors.areUsedUp = false;
  rmSync(directory, { recursive: true, force: true });
});

it("git rejects with a fault of the world", async () => {
  const error = await runGit({ gitDir: join(directory, ".git") }, ["version"]).catch((reason: unknown) => reason);
  expect(worldFaultCode(error)).toBe("EMFILE");
});

it("a reader of objects rejects with a fault of the world, and reads again when it is over", async () => {
  const reader = createObjectReader({ gitDir: join(directory, ".git") });
  const error = await reader.read("HEAD").catch((reason: unknown) => reason);
  expect(worldFaultCode(error)).toBe("EMFILE");
  descriptors.areUsedUp = false;
  expect(await reader.read("HEAD")).toBeUndefined();
  reader.close();
});

it("a lock watch goes without its process, and so does its end", () => {
  const watch = createLockWatch(directory, []);
  expect(() => watch.begin()).not.toThrow();
  expect(() => watch.end()).not.toThrow();
});

it("a program is not started", async () => {
  const options = { env: {}, timeMs: 10_000, outputBytes: 1_000 };
  expect(await runProgram("true", [], options)).toMatchObject({ fault: "not started", message: "spawn EMFILE" });
});
