import { cpSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { workspaceIn, workspaceTemplate } from "../../support/workspace.ts";

const CLAIMS = "refs/codex-inbox/claims";
const WITHOUT_PORT = ["--port", "off"];
/** Each look starts git a few times: made without a rest, they would take one of two processors from what is waited for. */
const LOOK_EVERY_MS = 250;

/** What the claims of the remote say. */
function claimsOf(bare: GitRepo): readonly { readonly clone: string; readonly generation: number }[] {
  const ids = bare.git("for-each-ref", "--format=%(objectname)", CLAIMS).split("\n");
  return ids.filter((id) => id !== "").map((id) => JSON.parse(bare.git("cat-file", "blob", id)));
}

it("a coordinator that is killed while it claims runs each task once; what a lost machine had is taken over with its claim", {
  timeout: 90_000,
}, async () => {
  const base = tempDir();
  const machine = (name: string) => workspaceIn(join(base, name));
  cpSync(await workspaceTemplate(), join(base, "a"), { recursive: true });
  const a = machine("a");
  a.commitSettings({ sync: { remote: "origin", intervalMs: 1_000 } });
  const bare = gitRepoAt(join(base, "remote.git"));
  a.repo.git("clone", "--quiet", "--bare", a.dir, bare.dir);
  a.repo.git("remote", "add", "origin", bare.dir);
  const ask = (name: string, text: string): void => {
    a.commitDrop(`${name}.md`, text);
    a.repo.git("push", "--quiet", "origin", "main");
  };

  ask("one", "one\n");
  const pushed = a.serve({ fault: "claim:pushed", args: WITHOUT_PORT });
  expect(await pushed.ended, pushed.log()).toEqual({ code: null, signal: "SIGKILL" });
  expect([claimsOf(bare).length, a.stubRuns().length]).toEqual([1, 0]);

  ask("two", "two\n");
  const journaled = a.serve({ fault: "claim:journaled", args: WITHOUT_PORT });
  expect(await journaled.ended, journaled.log()).toEqual({ code: null, signal: "SIGKILL" });
  ask("three", `three [[command: test -e ${join(base, "taken")} || sleep 600]]\n`);
  const last = a.serve({ args: WITHOUT_PORT });
  // Taken out of the branch by the one that has its claim, and its result still to come.
  const isUnderWay = (): boolean =>
    claimsOf(bare).length === 1 &&
    bare.git("ls-tree", "--name-only", "main", "inbox/") === "inbox/.gitignore\ninbox/README.md";
  await waitFor(isUnderWay, {
    ...{ what: "two results on the remote, and a task under way", timeoutMs: 50_000, intervalMs: LOOK_EVERY_MS },
  }).catch((cause: unknown) => {
    throw new Error(`${JSON.stringify(claimsOf(bare))}\n${last.log()}`, { cause });
  });
  expect(a.stubRuns().map(({ prompt }) => prompt.trim().slice(0, 3))).toEqual(["one", "two", "thr"]);
  const [held] = claimsOf(bare);
  expect(held).toMatchObject({ generation: 1 });
  await last.kill();
  for (const pid of a.agentPids()) process.kill(pid, "SIGKILL");
  renameSync(a.dir, `${a.dir}-lost`);

  gitRepoAt(base).git("clone", "--quiet", bare.dir, join(base, "b"));
  const b = machine("b");
  for (const setting of ["user.name=User", "user.email=user@example.org"])
    b.repo.git("config", ...(setting.split("=", 2) as [string, string]));
  gitRepoAt(base).write("taken", "");
  const served = await b.serveUntilIdle({ args: ["--take-over"], isAlone: true });
  expect(served.lines("taken-over")).toHaveLength(1);
  expect(b.results.tasks().map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
  expect(b.results.task("three").frontMatter).toMatchObject({ run: 1001 });
  expect(b.stubRuns().map(({ prompt }) => prompt.trim().slice(0, 5))).toEqual(["three"]);
  expect(claimsOf(bare)).toEqual([]); // The coordinator has removed its claim before it ended.
  expect(bare.git("rev-parse", "main")).toBe(b.repo.git("rev-parse", "main"));
});
