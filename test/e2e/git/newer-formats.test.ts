import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";
import { createWorld } from "../../support/world.ts";

const V3 = "<!-- codex-inbox ledger v3: rows of another kind. -->\n\n| task | state |\n";

/** Everything of ours: the coordinator's folder, and what git says of the branch, the index and the work tree. */
function everything({ stateDir, stateFiles, repo }: TestWorkspace): string {
  const hash = createHash("sha256");
  for (const path of stateFiles("")) {
    hash.update(path);
    try {
      hash.update(readFileSync(join(stateDir, path)));
    } catch {} // A folder.
  }
  return [hash.digest("hex"), repo.git("rev-parse", "HEAD"), repo.git("status", "--porcelain", "--ignored")].join("\n");
}

async function refusedBy(workspace: TestWorkspace, commands: readonly (readonly string[])[], message: RegExp) {
  await waitFor(() => workspace.stateFiles("locks").length === 0, {
    what: "what watches over locks to have cleared them away",
  });
  const before = everything(workspace);
  for (const command of commands) {
    const said = await workspace.command(...command);
    expect([command[0], said.code, said.stderr]).toEqual([command[0], 78, expect.stringMatching(message)]);
  }
  expect(everything(workspace)).toBe(before);
}

it("the coordinator's folder of a newer version is refused by every command, and left as it is", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("one.md", "Say hello. [[final: hello]]");
  await workspace.serveUntilIdle();
  const path = join(workspace.stateDir, "format");
  expect(readFileSync(path, "utf8")).toBe("1\n");
  workspace.drop("two.md", "Not yet.");
  writeFileSync(path, "2\n");
  const { id } = workspace.results.task("Say hello. [[final: hello]]");
  const commands = ["ls", "status", "pause", "policy", "resume"].map((name) => [name]);
  const message = /codex-inbox\/format is of format 2, and .* up to 1: use a newer codex-inbox; nothing was changed/;
  await refusedBy(
    workspace,
    [...commands, ["serve", "--until-idle"], ["stop", id], ["show", id], ["init"], ["doctor", "--fix"]],
    message,
  );
  writeFileSync(path, "two\n");
  expect(await workspace.command("ls")).toMatchObject({ code: 78, stderr: expect.stringContaining("expected 1") });
});

it("a branch of a newer version is refused by every command that reads it, and left as it is", async () => {
  const workspace = await tempWorkspace();
  await workspace.command("init"); // Makes the coordinator's folder.
  workspace.repo.write("tasks.md", V3);
  workspace.repo.git("commit", "--quiet", "--all", "-m", "of a newer version");
  const message =
    /tasks\.md of the branch is of format 3, and .* up to 2: use a newer codex-inbox; nothing was changed/;
  await refusedBy(workspace, [["ls"], ["status"], ["show", "x"], ["compact-tasks"], ["init"]], message);
  workspace.drop("one.md", "Not yet.");
  const head = workspace.repo.git("rev-parse", "HEAD");
  const served = await workspace.serveUntilIdle({ code: 78 });
  expect(served.log()).toMatch(message);
  expect(workspace.repo.git("rev-parse", "HEAD")).toBe(head);
  expect(workspace.stubRuns()).toEqual([]);
});

it("a branch that becomes one of a newer version ends the coordinator; nothing more is committed, and runs go on", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  world.drop("docs/1.md", "Do it.\n");
  await world.settle();
  const commit = world.repository.user.commit({ "tasks.md": V3 });
  const ended = expect(coordinator.ended).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining("tasks.md of the branch is of format 3"),
  });
  world.runner.end(world.runner.of("docs"));
  await world.settle();
  await world.advance(60_000);
  await ended;
  expect(world.repository.log()[0]?.id).toBe(commit);
  expect(world.committed("tasks.md")).toBe(V3);
});
