import { describe, expect, it } from "vitest";
import { readTaskJournal } from "../../src/store/journal/journal-reader.ts";
import { parseDropText } from "../../src/task/file/task-file.ts";
import { DEFAULT_RIGHTS } from "../../src/task/rights/rights.ts";
import { end, running } from "../support/running-task.ts";
import { createWorld, type World } from "../support/world.ts";

const FAILS = { exitCode: 1, output: "1 test failed\n" };

/** Lets the only verification of the task of "docs" fail. */
async function fail(frontMatter: string, change: (world: World) => void = () => undefined): Promise<World> {
  const { world } = await running(`verifyCommand: npm test\nmaxVerifyAttempts: 1\n${frontMatter}`);
  change(world);
  await end(world);
  world.verifier.end(world.verifier.current(), FAILS);
  await world.settle();
  return world;
}

describe("a follow-up", () => {
  it("is filed in the same session with the evidence, and its parent names it", async () => {
    const world = await fail("followUp: true\ntitle: Login\nmodel: gpt-5.5\npriority: 1");
    const [parent, id] = [world.accepted(0), world.accepted(1)];
    expect(await world.queries.find(id)).toMatchObject({ sessionKey: "docs", title: "Follow-up: Login", parent });
    expect(world.runner.of("docs").request).toMatchObject({ taskId: id, model: "gpt-5.5" });
    expect(world.runner.of("docs").request.prompt).toMatch(/1 test failed[\s\S]*Fix it\./);
    expect(world.results()).toMatchObject([{ id: parent, status: "failed", frontMatter: { followUpTask: id } }]);
    expect(world.logged("verify-ended")).toMatchObject([{ task: parent, followUp: id }]);
  });

  it("is filed where the task says, before where the settings say", async () => {
    const named = await fail("followUp: repairs", (world) => {
      world.settings.followUp = "elsewhere";
    });
    expect(named.runner.of("repairs").request.sessionKey).toBe("repairs");
    const configured = await fail("", (world) => {
      world.settings.followUp = "elsewhere";
    });
    expect(configured.runner.of("elsewhere").request.sessionKey).toBe("elsewhere");
  });

  it("is not filed unless somebody wants it", async () => {
    expect((await fail("")).logged("accepted")).toHaveLength(1);
    const refused = await fail("followUp: false", (world) => {
      world.settings.followUp = true;
    });
    expect(refused.logged("accepted")).toHaveLength(1);
  });

  it("knows how long its chain is, which ends where it may not be longer", async () => {
    const world = await fail("followUp: true\nfollowUpDepth: 1");
    await end(world);
    world.verifier.end(world.verifier.current(), FAILS);
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(2);
    const last = await world.queries.find(world.accepted(1));
    expect(last).toMatchObject({ status: "failed", followUpTask: null });
    expect(world.committed(last.path)).toContain(
      "no follow-up was filed: the chain is 2 long already, and maxFollowUpDepth is 2",
    );
  });

  it("is not filed beside too many others", async () => {
    const world = await fail("followUp: true", (crowded) => {
      for (let n = 0; n < 20; n += 1)
        crowded.drop(
          `later/${n}.md`,
          `---\nparent: 20261119-141530-k3f9x2\nfollowUpDepth: 1\nnotBefore: 2999-01-01T00:00:00Z\n---\n${n}\n`,
        );
    });
    const parent = await world.queries.find(world.accepted(0));
    expect(world.committed(parent.path)).toContain("no follow-up was filed: 20 follow-ups are open already");
  });

  it("is promised the variables of its parent, which its command may need", async () => {
    const world = createWorld();
    const rights = { ...DEFAULT_RIGHTS, environment: ["DATABASE_URL"] };
    world.settings.run = { ...world.settings.run, rights };
    await world.start();
    const own = "verifyCommand: npm test\nmaxVerifyAttempts: 1\nfollowUp: true\nenvironment: [DATABASE_URL]";
    world.drop("docs/x.md", `---\n${own}\n---\nFix it.\n`);
    await world.settle();
    for (const { environment } of [await lastVerification(world, FAILS), await lastVerification(world, {})])
      expect(environment).toEqual(["DATABASE_URL"]);
  });

  it("has of its parent what says how to work, and nothing that makes the parent itself", async () => {
    const own = "resume: false\nimages: []\ndependsOn: []\nnotBefore: 2026-01-01T00:00:00Z\nmine: x";
    const world = await fail(`followUp: true\nsandbox: read-only\nworkdir: .\n${own}`);
    const [record] = readTaskJournal(world.paths.journal).read(world.accepted(1));
    const parsed = parseDropText(record?.k === "accepted" ? record.text : "", undefined);
    expect(parsed.ok && parsed.spec.frontMatter).toEqual({
      ...{ verifyCommand: "npm test", maxVerifyAttempts: 1, sandbox: "read-only", workdir: "." },
      ...{ id: world.accepted(1), sessionKey: "docs", title: "Follow-up: Fix it.", followUp: true },
      ...{ parent: world.accepted(0), followUpDepth: 1 },
    });
  });
});

async function lastVerification(world: World, facts: object) {
  await end(world);
  const verification = world.verifier.current();
  world.verifier.end(verification, facts);
  await world.settle();
  return verification.request;
}
