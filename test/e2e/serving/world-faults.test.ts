import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { expectSettled } from "../../support/settled.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempWorkspace } from "../../support/workspace.ts";

/** Puts a small file system of its own at `path`; false where this user may not. */
function mounted(path: string, kilobytes: number): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k,mode=700`, "tmpfs", path], { stdio: "ignore" });
  } catch {
    return false;
  }
  onTestFinished(() => void execFileSync("umount", ["--lazy", path]));
  return true;
}

function mayMount(): boolean {
  const path = tempDir();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path], { stdio: "ignore" });
    execFileSync("umount", [path]);
    return true;
  } catch {
    return false; // Only root may: then the faults that are injected elsewhere have to do.
  }
}

it("a disk that is really full is waited for: nothing is lost, and it goes on when there is room", async ({ skip }) => {
  if (!mayMount()) skip();
  const workspace = await tempWorkspace();
  const journal = join(workspace.stateDir, "journal");
  mkdirSync(journal, { recursive: true });
  expect(mounted(journal, 256)).toBe(true);
  const coordinator = workspace.serve();
  await coordinator.url();
  const ballast = join(journal, "ballast");
  const fill = (): void => {
    try {
      writeFileSync(ballast, Buffer.alloc(1024 * 1024));
    } catch {
      // It is full: what was written up to there stays.
    }
  };
  fill();
  workspace.drop("docs/greet.md", "Say hello\n");
  await coordinator.saw("world-fault");
  const refused = await coordinator.ask("/tasks", { method: "POST", body: "Say bye\n" });
  expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: "TRY_AGAIN" } }]);
  expect(await (await coordinator.ask("/health")).json()).toMatchObject({
    status: "waiting",
    world: { reason: expect.stringContaining("the disk is full: make room on it") },
  });
  rmSync(ballast);
  await coordinator.saw("committed");
  expect(await (await coordinator.ask("/health")).json()).toMatchObject({ world: null });
  expect(workspace.stubRuns()).toHaveLength(1);
  coordinator.signal("SIGINT");
  expect(await coordinator.ended).toEqual({ code: 0, signal: null });
  expectSettled(workspace, { tasks: 1 });
});

it("a drop that was journaled before a kill is one task, also where the policy became narrower meanwhile", async () => {
  const workspace = await tempWorkspace();
  await workspace.command("policy", "set", "sandbox", "danger-full-access");
  workspace.drop("docs/greet.md", "---\nsandbox: danger-full-access\n---\nSay hello\n");
  await workspace.serve({ fault: "accept:journaled" }).ended;
  await workspace.command("policy", "set", "sandbox", "workspace-write");
  await workspace.serveUntilIdle({ code: 1 });
  expect(readdirSync(join(workspace.dir, "inbox"), { recursive: true })).not.toContain("docs/greet.md");
  await workspace.command("policy", "set", "sandbox", "danger-full-access");
  await workspace.serveUntilIdle();
  expect(workspace.results.tasks()).toHaveLength(1);
  expect(workspace.stateFiles("accepting")).toEqual([]);
});
