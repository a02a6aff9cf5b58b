import { describe, expect, it } from "vitest";
import { fillLedger, mergeFrom, twoClones } from "../../support/clones.ts";
import type { TestWorkspace } from "../../support/workspace.ts";

/** Ten tasks: four of a session that both clones have, three of one of its own, three without a session. */
function dropTen({ drop }: TestWorkspace, name: string, numbers: readonly number[]): void {
  for (const number of numbers) {
    const folder = number < 4 ? "shared/" : number < 7 ? `${name}/` : "";
    drop(`${folder}${number}.md`, `${name}${number} [[final: did ${name}${number}]]\n`);
  }
}

const NUMBERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
const ALL = [
  ...["a", "b"].flatMap((name) => NUMBERS.map((number) => `${name}${number}`)),
  "big",
  "limp1",
  "limp2",
].sort();

function promptsOf(workspace: TestWorkspace): readonly string[] {
  return workspace.results
    .tasks()
    .map(({ prompt }) => prompt.split(" ")[0] ?? "")
    .sort();
}

describe("two clones that both ran tasks", () => {
  it("merge with plain git, whichever way: nothing is in conflict, lost, or run again", {
    timeout: 90_000,
  }, async () => {
    const { a, b } = await twoClones((origin) => fillLedger(origin, 5_000), {
      environment: { CODEX_INBOX_RETRY_BASE_MS: "20" },
    });
    // In clone a the ledger is closed into a file of its own, and so is the transcript of the session that both have.
    a.drop("shared/big.md", "big [[big 70000]]\n");
    for (const name of ["limp1", "limp2"])
      a.drop(`${name}.md`, `${name} [[fail: stream disconnected ${"x".repeat(400)}]]\n`);
    dropTen(a, "a", NUMBERS.slice(0, 6));
    dropTen(b, "b", NUMBERS);
    await Promise.all([a.serveUntilIdle({ code: 1 }), b.serveUntilIdle()]);
    dropTen(a, "a", NUMBERS.slice(6));
    await a.serveUntilIdle();
    const rotated = (workspace: TestWorkspace): string =>
      workspace.repo.git("ls-files", "tasks", "sessions/shared/transcript");
    expect(rotated(a).split("\n")).toEqual([
      expect.stringMatching(/^sessions\/shared\/transcript\/[0-9a-z]{6}-0001\.jsonl$/),
      expect.stringMatching(/^tasks\/2026-01-02\/[0-9a-z]{6}-0001\.md$/),
      expect.stringMatching(/^tasks\/\d{4}-\d\d-\d\d\/[0-9a-z]{6}-0001\.md$/),
    ]);
    expect(rotated(b)).toBe("");

    const tips = [a, b].map(({ repo }) => repo.git("rev-parse", "main"));
    for (const [into, tip] of [
      [a, tips[1]],
      [b, tips[0]],
    ] as const) {
      into.repo.git("fetch", "--quiet", (into === a ? b : a).dir, "main");
      into.repo.git("merge", "--quiet", "--no-edit", String(tip));
    }
    for (const merged of [a, b]) {
      expect(merged.repo.git("status", "--porcelain")).toBe("");
      expect(promptsOf(merged)).toEqual(ALL);
      expect(merged.results.openTasks()).toEqual([]);
    }

    const runs = [a, b].map((workspace) => workspace.stubRuns().length);
    expect(runs).toEqual([17, 10]);
    await Promise.all([a.serveUntilIdle(), b.serveUntilIdle()]);
    expect([a, b].map((workspace) => workspace.stubRuns().length)).toEqual(runs);
    for (const merged of [a, b]) {
      const listed = await merged.command("ls", "--json", "-n", "50");
      const titles = (JSON.parse(listed.stdout).tasks as { title: string; status: string }[]).map(({ title }) => title);
      expect(titles.map((title) => title.split(" ")[0]).sort()).toEqual(ALL);
      for (const name of ["a0", "a9", "b0", "b9"]) {
        const { id } = merged.results.task(`${name} `);
        const log = await merged.command("log", id);
        expect(log.stdout).toContain(`did ${name}`);
        expect(log.stdout.match(/end: succeeded/g)).toHaveLength(1);
      }
    }

    // Both go on in the session whose thread is on one of the two machines only, and merge once more.
    for (const [name, workspace] of [
      ["a", a],
      ["b", b],
    ] as const)
      workspace.drop("shared/more.md", `more-${name} [[final: ok]]\n`);
    await Promise.all([a.serveUntilIdle(), b.serveUntilIdle()]);
    mergeFrom(a.repo, b.repo);
    mergeFrom(b.repo, a.repo);
    for (const merged of [a, b]) {
      expect(promptsOf(merged)).toEqual([...ALL, "more-a", "more-b"].sort());
      expect(merged.results.openTasks()).toEqual([]);
      expect(
        merged.results.transcript("shared").filter(({ body }) => body.kind === "end").length,
      ).toBeGreaterThanOrEqual(11);
    }
  });
});

describe("a task that another clone has accepted", () => {
  const KNOWN = "20260102-030405-known0";

  it("is held, and run only where it is taken over; merged back, it has ended for the first clone too", async () => {
    const { a, b } = await twoClones();
    b.drop("known.md", `---\nid: ${KNOWN}\n---\nknown [[final: ok]]\n`);
    await b.serveUntilIdle();
    a.commitDrop("docs/wait.md", `---\ndependsOn: [${KNOWN}]\n---\nwait [[final: now]]\n`);
    await a.serveUntilIdle({ code: 75 });
    const { id, status } = a.results.task("wait");
    expect(status).toBe("queued");
    expect(a.repo.git("ls-files", "inbox")).not.toContain("wait.md");

    mergeFrom(b.repo, a.repo);
    const held = await b.serveUntilIdle({ code: 75 });
    expect(held.lines("other-clone").map((line) => line.field("task"))).toContain(id);
    const [shown] = JSON.parse((await b.command("ls", "--json")).stdout).tasks as unknown[];
    expect(shown).toMatchObject({ id, status: "queued", hold: expect.stringContaining("another clone") });
    expect((await b.command("status")).stdout).toContain("elsewhere  1 open");
    const stop = await b.command("stop", id);
    expect(stop).toMatchObject({ code: 4, stderr: expect.stringContaining("accepted by another clone") });
    expect(b.stubRuns()).toHaveLength(1);

    await b.serveUntilIdle({ args: ["--take-over"] });
    expect(b.results.task("wait")).toMatchObject({ id, status: "succeeded", result: { lastMessage: "now" } });
    mergeFrom(a.repo, b.repo);
    const back = await a.serveUntilIdle();
    expect(back.lines("ended-elsewhere").map((line) => line.field("task"))).toEqual([id]);
    expect(a.stubRuns()).toEqual([]);
    expect(a.results.openTasks()).toEqual([]);
    expect(a.stateFiles("journal/open")).toEqual([]);
    expect((await a.command("log", id)).stdout).toContain("now");
  });

  it("keeps what the first clone's attempts said when it ends in the other", async () => {
    const { a, b } = await twoClones();
    a.commitDrop("docs/limp.md", "limp [[say: alas]] [[fail: stream disconnected]]\n");
    const serving = a.serve({
      environment: { CODEX_INBOX_RETRY_BASE_MS: "3600000", CODEX_INBOX_RETRY_MAX_MS: "3600000" },
    });
    await Promise.all([serving.saw("run-ended"), serving.saw("committed")]);
    serving.signal("SIGTERM");
    await serving.ended;
    mergeFrom(b.repo, a.repo);
    await b.serveUntilIdle({ code: 1, args: ["--take-over"], environment: { CODEX_INBOX_MAX_ATTEMPTS: "1" } });
    mergeFrom(a.repo, b.repo);
    await a.serveUntilIdle({ code: 1 });
    expect([a.stubRuns().length, b.stubRuns().length]).toEqual([1, 1]);
    const { id } = a.results.task("limp");
    const threads = a.results.transcriptLines("docs").map((line) => JSON.parse(line).thread);
    expect(new Set(threads).size).toBe(2);
    expect(a.results.openTasks()).toEqual([]);
    expect((await a.command("ls", "--json")).stdout.match(new RegExp(`"id": "${id}"`, "g"))).toHaveLength(1);
  });
});

describe("a drop that a user committed", () => {
  it("has the same id in every clone that takes it, and what both made of it merges into one task", async () => {
    const { a, b } = await twoClones((origin) => origin.commitDrop("docs/both.md", "both [[final: ok]]\n"));
    await Promise.all([a.serveUntilIdle(), b.serveUntilIdle()]);
    const { id } = a.results.task("both");
    expect(b.results.task("both").id).toBe(id);

    mergeFrom(a.repo, b.repo);
    mergeFrom(b.repo, a.repo);
    for (const merged of [a, b]) {
      await merged.serveUntilIdle();
      expect(merged.results.task("both")).toMatchObject({ id, status: "succeeded" });
      expect(merged.results.transcript("docs").filter(({ body }) => body.kind === "end")).toHaveLength(2);
      expect((await merged.command("ls", "--json")).stdout.match(/"title"/g)).toHaveLength(1);
      expect(merged.stubRuns()).toHaveLength(1);
      expect(merged.repo.git("status", "--porcelain")).toBe("");
    }
  });

  it("is run by one clone alone, if that has not been merged before the other has ended it", async () => {
    const { a, b } = await twoClones((origin) => origin.commitDrop("docs/both.md", "both [[final: ok]]\n"));
    const accepting = a.serve({ fault: "run:directory-made" }); // Accepted and not run: this machine goes to sleep.
    await accepting.ended;
    await b.serveUntilIdle();
    mergeFrom(a.repo, b.repo);
    const late = await a.serveUntilIdle();
    expect(late.lines("ended-elsewhere")).toHaveLength(1);
    expect(a.stubRuns()).toEqual([]);
    expect(a.results.transcript("docs").filter(({ body }) => body.kind === "end")).toHaveLength(1);
  });

  it("waits in a shallow clone that does not have its commit, which says how to get it", async () => {
    const { a, b } = await twoClones((origin) => {
      origin.commitDrop("docs/both.md", "both [[final: ok]]\n");
      origin.repo.git("commit", "--quiet", "--allow-empty", "-m", "later");
    });
    const url = b.repo.git("remote", "get-url", "origin");
    b.repo.git("fetch", "--quiet", "--depth=1", `file://${url}`);
    b.repo.git("reflog", "expire", "--expire=now", "--all");
    expect(b.repo.git("rev-parse", "--is-shallow-repository")).toBe("true");
    const shallow = b.serve();
    const held = await shallow.saw("held-back");
    expect(held.text).toMatch(/inbox\/docs\/both\.md.*git fetch --unshallow/);
    expect(b.stubRuns()).toEqual([]);
    b.repo.git("fetch", "--quiet", "--unshallow", `file://${url}`);
    await shallow.saw("committed", 2);
    await shallow.kill();
    await a.serveUntilIdle();
    expect(b.results.task("both").id).toBe(a.results.task("both").id);
  });
});
