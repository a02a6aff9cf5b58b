import { describe, expect, it } from "vitest";
import { CoordinatorError } from "../../../../src/base/errors.ts";
import { createAttachCommand } from "../../../../src/cli/commands/sessions/attach.ts";
import { createFakeCliDeps, type FakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

const NO_EDITS = { edited: null, left: null };

function fake(asked: string[] = []): FakeCliDeps {
  const attached = {
    branch: "codex-inbox/docs-1a2b3c",
    dir: "/trees/docs",
    thread: "t",
    resume: "cd /trees/docs && codex",
  };
  return createFakeCliDeps({
    async attach(session, take) {
      asked.push(take ? `take ${session}` : `attach ${session}`);
      return { session, ...attached, takenBy: take ? "ada" : null };
    },
    async release(session) {
      asked.push(`release ${session}`);
      const released = asked.length === 1;
      const edits = released
        ? { edited: "e".repeat(40), left: "in no commit: dump.bin (larger than 10 MB)" }
        : NO_EDITS;
      return { session, released, ...edits };
    },
  });
}

describe("attach", () => {
  it("prints the folder alone, so that cd takes it", async () => {
    const deps = fake();
    expect(await runCommand(createAttachCommand(deps), "docs")).toBe(0);
    expect([deps.printed, deps.warned]).toEqual([["/trees/docs"], []]);
  });

  it("takes a session, and says how to go on in its thread and how to give it back", async () => {
    const deps = fake();
    await runCommand(createAttachCommand(deps), "--take", "docs");
    expect(deps.printed).toEqual(["/trees/docs"]);
    expect(deps.warned).toEqual([
      "in its thread: cd /trees/docs && codex",
      "docs is yours: no task of it is started until codex-inbox attach --release docs",
    ]);
  });

  it("gives a session back when the shell ends, however it ends", async () => {
    const asked: string[] = [];
    const deps = { ...fake(asked), openShell: () => Promise.reject(new CoordinatorError("USAGE", "cannot start it")) };
    await expect(runCommand(createAttachCommand(deps), "--take", "--shell", "docs")).rejects.toThrow("cannot start it");
    expect(asked).toEqual(["take docs", "release docs"]);
    const plain = fake();
    await runCommand(createAttachCommand(plain), "--shell", "docs");
    expect(plain.printed).toEqual(["shell in /trees/docs"]);
  });

  it("releases", async () => {
    const deps = fake();
    await runCommand(createAttachCommand(deps), "--release", "docs");
    await runCommand(createAttachCommand(deps), "--release", "docs");
    expect(deps.printed).toEqual([
      "docs is released",
      "what was edited in its worktree is commit eeeeeeeeee",
      "not taken: in no commit: dump.bin (larger than 10 MB)",
      "docs was not taken",
    ]);
  });

  it.each([["--release --take"], ["--release --shell"], ["--shell --json"]])("refuses %s", async (flags) => {
    await expect(runCommand(createAttachCommand(fake()), ...flags.split(" "), "docs")).rejects.toThrow(
      /--(shell|release) goes with/,
    );
  });
});
