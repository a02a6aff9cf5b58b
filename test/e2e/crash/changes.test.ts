import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { shardOf } from "../../support/crash-shard.ts";
import { expectSettled } from "../../support/settled.ts";
import { besideEach } from "../../support/test-end.ts";
import { tempWorkspace } from "../../support/workspace.ts";

// "#1" is before the run, "#2" after it.
const POINTS = ["turn:files-taken#1", "turn:before-kept", "turn:files-taken#2", "turn:kept", "finish:journaled"];

describe("a change whose coordinator dies while it is recorded", () => {
  it.concurrent.for(shardOf("steps of a recorded change", POINTS))(
    "at %s is recorded once, and what was edited before is apart",
    besideEach(async (fault) => {
      const workspace = await tempWorkspace();
      const { repo, results } = workspace;
      repo.write("mine.txt", "edited before\n");
      workspace.drop("docs/task.md", "Write it [[write agent.txt: x]] [[final: done]]\n");
      const crashed = workspace.serve({ args: ["--until-idle"], fault });
      expect(await crashed.ended, crashed.log()).toEqual({ code: null, signal: "SIGKILL" });
      await workspace.serveUntilIdle();
      const refs = repo.git("for-each-ref", "--format=%(refname)", "refs/codex-inbox").split("\n");
      const { id, result } = results.task("Write it");
      expect(refs).toEqual([`refs/codex-inbox/turns/${id}/1`]);
      expect(result?.changedFiles).toEqual([{ path: "agent.txt", change: "added", by: "patch" }]);
      const [change = ""] = refs;
      const kinds = repo.git("log", "-2", "--format=%(trailers:key=Author-Kind,valueonly,separator=)", change);
      expect(kinds).toBe("agent\noutside");
      expect(repo.git("show", "--format=", "--name-only", change)).toBe("agent.txt");
      expect(repo.git("show", "--format=", "--name-only", `${change}^`)).toBe("mine.txt");
      const trailer = repo.git("log", "-1", "--grep=^Task-Id:", "--format=%(trailers:key=Change,valueonly,separator=)");
      expect(trailer).toBe(repo.git("rev-parse", change));
      expect(repo.git("status", "--porcelain", "--", "mine.txt", "agent.txt")).toBe("?? agent.txt\n?? mine.txt");
      for (const name of ["mine.txt", "agent.txt"]) rmSync(join(workspace.dir, name));
      expectSettled(workspace, { tasks: 1 });
    }),
  );
});
