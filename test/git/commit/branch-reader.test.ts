import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createBranchReader } from "../../../src/git/commit/branch-reader.ts";
import { placeAt } from "../../../src/git/repository/workspace-place.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const MAIN = "refs/heads/main";

describe("reading a branch", () => {
  it("gives what is committed there, whatever lies in the work tree", async () => {
    const repo = tempRepo();
    repo.write("docs/ä b.md", "committed\n");
    repo.git("add", "--all");
    repo.git("commit", "-q", "-m", "more");
    repo.write("docs/ä b.md", "edited\n");
    const reader = createBranchReader(await placeAt(repo.dir), MAIN);
    expect(await reader.readText("docs/ä b.md")).toBe("committed\n");
    expect(await reader.blobAt("docs/ä b.md")).toBe(repo.git("rev-parse", "HEAD:docs/ä b.md"));
    expect(await reader.treeId("docs")).toBe(repo.git("rev-parse", "HEAD:docs"));
    expect(await reader.listFolder("docs")).toEqual([{ name: "ä b.md", kind: "file" }]);
    expect(await reader.listFolder("")).toContainEqual({ name: "src", kind: "folder" });
  });

  it("gives nothing where nothing is, or something else", async () => {
    const repo = tempRepo();
    const reader = createBranchReader(await placeAt(repo.dir), MAIN);
    for (const path of ["absent", "a name/with spaces", "src/absent", "two\nlines"]) {
      expect(await reader.readText(path)).toBeUndefined();
      expect(await reader.treeId(path)).toBeUndefined();
      expect(await reader.listFolder(path)).toEqual([]);
    }
    expect(await reader.readText("src")).toBeUndefined();
    expect(await reader.listFolder("README.md")).toEqual([]);
    expect(
      await createBranchReader(await placeAt(repo.dir), "refs/heads/absent").readText("README.md"),
    ).toBeUndefined();
  });

  it("takes paths from the workspace, and sees the branch move", async () => {
    const repo = tempRepo({ objectFormat: "sha256" });
    const reader = createBranchReader(await placeAt(join(repo.dir, "src")), MAIN);
    expect(await reader.readText("main.c")).toContain("int main");
    repo.write("src/main.c", "new\n");
    repo.git("commit", "-q", "-a", "-m", "new");
    expect(await reader.readText("main.c")).toBe("new\n");
    expect(await reader.listFolder("")).toEqual([{ name: "main.c", kind: "file" }]);
  });

  it("does not keep a process alive that has its answers", async () => {
    const repo = tempRepo();
    const module = fileURLToPath(new URL("../../../src/git/commit/branch-reader.ts", import.meta.url));
    const script = `import { createBranchReader } from ${JSON.stringify(module)};
      const reader = createBranchReader(${JSON.stringify(await placeAt(repo.dir))}, "${MAIN}");
      const texts = await Promise.all(["README.md", "absent", "README.md"].map((path) => reader.readText(path)));
      console.log(JSON.stringify([...texts, await reader.readText("README.md")]));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(JSON.parse(stdout)).toEqual(["# Project\n", null, "# Project\n", "# Project\n"]);
  });
});
