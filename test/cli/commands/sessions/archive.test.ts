import { describe, expect, it } from "vitest";
import { createArchiveCommand } from "../../../../src/cli/commands/sessions/archive.ts";
import { createFakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

function archive(commit: string | undefined = "0123456789abcdef") {
  const asked: unknown[] = [];
  const deps = createFakeCliDeps({
    archive: async (session, archived) => {
      asked.push([session, archived]);
      return { session, archived, commit };
    },
  });
  return { deps, asked, command: createArchiveCommand(deps) };
}

describe("archive", () => {
  it("puts a session away, and takes it out again", async () => {
    const { deps, asked, command } = archive();
    expect(await runCommand(command, "docs")).toBe(0);
    expect(await runCommand(command, "--undo", "docs")).toBe(0);
    expect(asked).toEqual([
      ["docs", true],
      ["docs", false],
    ]);
    expect(deps.printed).toEqual([
      "docs is archived (commit 0123456789)",
      "docs is out of the archive (commit 0123456789)",
    ]);
  });

  it("says that it was so already, and prints JSON", async () => {
    const { deps, command } = archive();
    await runCommand(command, "--json", "docs");
    const before = createFakeCliDeps({
      archive: async (session, archived) => ({ session, archived, commit: undefined }),
    });
    await runCommand(createArchiveCommand(before), "docs");
    expect(JSON.parse(deps.printed[0] ?? "")).toEqual({
      version: 1,
      session: "docs",
      archived: true,
      commit: "0123456789abcdef",
    });
    expect(before.printed).toEqual(["docs is archived already"]);
  });

  it("takes exactly one session", async () => {
    const { asked, command } = archive();
    for (const argv of [[], ["a", "b"]])
      await expect(runCommand(command, ...argv)).rejects.toMatchObject({ code: "USAGE" });
    expect(asked).toEqual([]);
  });
});
