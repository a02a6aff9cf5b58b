import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findWorkTree } from "../../../src/git/repository/find-work-tree.ts";
import { openRepository } from "../../../src/git/repository/repository.ts";
import { plantRepository } from "../../support/planted-repository.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const MAIN = "refs/heads/main";

describe("a repository", () => {
  it.each<{ setting: readonly string[]; begins: boolean }>([
    { setting: [], begins: true },
    { setting: ["core.logAllRefUpdates", "false"], begins: false },
    { setting: ["core.LOGALLREFUPDATES", "Always"], begins: true },
  ])("begins reflogs as it is configured: $setting", async ({ setting, begins }) => {
    const repo = tempRepo();
    repo.git("config", "core.autocrlf", "false");
    if (setting.length > 0) repo.git("config", ...setting);
    expect((await openRepository(await findWorkTree(repo.dir), repo.dir, MAIN)).beginsReflogs).toBe(begins);
  });

  it("is the one that is named, whatever its folder has become", async () => {
    const repo = tempRepo();
    const place = await findWorkTree(repo.dir);
    const planted = plantRepository(join(repo.dir, "src"), { marks: join(tempDir(), "marks"), layout: "git-folder" });
    const { topDir, prefix, branchPath } = await openRepository(place, join(repo.dir, "src"), MAIN);
    expect({ topDir, prefix, branchPath }).toEqual({
      ...{ topDir: repo.dir, prefix: "src/", branchPath: join(repo.dir, ".git", MAIN) },
    });
    expect(planted.ran()).toEqual([]);
  });
});
