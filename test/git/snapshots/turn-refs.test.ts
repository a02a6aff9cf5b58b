import { describe, expect, it } from "vitest";
import { locateRepository } from "../../../src/git/repository/known-repositories.ts";
import { createTurnRefs, type TurnRefs } from "../../../src/git/snapshots/turn-refs.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempRepo } from "../../support/temp-repo.ts";

function scene(): { readonly repo: GitRepo; readonly refs: TurnRefs; readonly one: string; readonly two: string } {
  const repo = tempRepo();
  const repository = locateRepository(repo.dir);
  if (repository === undefined) throw new Error("no repository");
  const one = repo.git("rev-parse", "HEAD");
  return { repo, refs: createTurnRefs(repository), one, two: repo.git("commit-tree", "-m", "two", `${one}^{tree}`) };
}

describe("the refs of turns", () => {
  it("are moved from what they are known to name, and once more to the same", async () => {
    const { refs, repo, one, two } = scene();
    expect(await refs.keepTurn("t1", 1, one)).toBe("refs/codex-inbox/turns/t1/1");
    await refs.keepTurn("t1", 1, one);
    await expect(refs.keepTurn("t1", 1, two)).rejects.toThrow("refs/codex-inbox/turns/t1/1");
    await refs.keepTurn("t1", 1, two, one);
    await refs.keepTurn("t1", 1, two, one);
    expect(repo.git("rev-parse", "refs/codex-inbox/turns/t1/1")).toBe(two);
  });

  it("are listed by task, packed and dropped where they are as they were", async () => {
    const { refs, repo, one, two } = scene();
    for (const task of ["t1", "t2"]) for (const run of [1, 10]) await refs.keepTurn(task, run, two);
    await refs.hold("t3-1", one);
    await refs.hold("t3-1", two);
    expect((await refs.list()).map(({ task, run }) => `${task} ${run}`)).toEqual(["t1 1", "t1 10", "t2 1", "t2 10"]);
    const found = (await refs.list()).filter(({ task }) => task === "t2");
    expect(await refs.find("t2", 1)).toMatchObject({
      commit: two,
      atMs: Number(repo.git("log", "-1", "--format=%ct000", two)),
    });
    await refs.pack();
    expect(repo.read(".git/refs/codex-inbox/turns/t1/1")).toBeUndefined();
    await refs.drop(found);
    expect((await refs.list()).map(({ task }) => task)).toEqual(["t1", "t1"]);
    const first = await refs.find("t1", 1);
    await refs.keepTurn("t1", 1, one, two);
    await expect(refs.drop(first === undefined ? [] : [first])).rejects.toThrow("update-ref");
    expect(repo.git("rev-parse", "refs/codex-inbox/held/t3-1")).toBe(two);
  });
});
