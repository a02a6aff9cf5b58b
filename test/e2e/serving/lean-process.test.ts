import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

function readProcess(pid: number, file: "cmdline" | "environ"): readonly string[] {
  return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}

it("a coordinator becomes small as the process it was started as, and keeps to itself what that takes", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve({ isLean: false });
  await coordinator.url();
  const command = readProcess(coordinator.pid, "cmdline");
  for (const flag of ["--max-semi-space-size=2", "--heap-growing-percent=40"]) expect(command).toContain(flag);
  expect(command).toContain("serve");
  expect(readProcess(coordinator.pid, "environ")).toContain("MALLOC_ARENA_MAX=2");
  workspace.drop("docs/greet.md", "Say hello\n");
  await coordinator.saw("committed");
  const git = await waitFor(
    () => childrenOf(coordinator.pid).find((pid) => readProcess(pid, "cmdline").includes("cat-file")),
    { what: "the git that reads objects" },
  );
  const environment = readProcess(git, "environ");
  expect(environment.some((entry) => entry.startsWith("PATH="))).toBe(true);
  expect(environment.filter((entry) => entry.startsWith("MALLOC_"))).toEqual([]);
});
