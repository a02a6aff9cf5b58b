import { describe, expect, it } from "vitest";
import type { LandAnswer } from "../../../../src/app/actions/sessions/land-session.ts";
import { type LandingView, presentLanding } from "../../../../src/app/views/landing-view.ts";
import { createLandCommand } from "../../../../src/cli/commands/sessions/land.ts";
import { createFakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

const NO_EDITS = { edited: null, left: null };
const NAMES = { session: "docs", branch: "codex-inbox/docs-1a2b3c", target: "main", edits: NO_EDITS } as const;
const [HEAD, COMMIT] = ["a".repeat(40), "b".repeat(40)];

describe("land", () => {
  it.each<{ name: string; answer: LandAnswer; code: number; says: readonly string[] }>([
    {
      name: "what is landed",
      answer: { ...NAMES, state: "landed", head: HEAD, commit: COMMIT },
      code: 0,
      says: ["docs is landed on main (commit bbbbbbbbbb)"],
    },
    {
      name: "what was landed before",
      answer: { ...NAMES, state: "nothing" },
      code: 0,
      says: ["main holds the work of docs already"],
    },
    {
      name: "the command that moves the checkout",
      answer: { ...NAMES, state: "ready", head: HEAD, commit: COMMIT, why: "it is dirty", command: "git merge x" },
      code: 4,
      says: ["the merge of docs into main is made, but the checkout stays: it is dirty", "then: git merge x"],
    },
    {
      name: "what was edited by hand, and what of it is not taken",
      answer: {
        ...NAMES,
        state: "nothing",
        edits: { edited: HEAD, left: "in no commit: dump.bin (larger than 10 MB)" },
      },
      code: 0,
      says: [
        "what was edited in its worktree is commit aaaaaaaaaa",
        "not taken: in no commit: dump.bin (larger than 10 MB)",
        "main holds the work of docs already",
      ],
    },
    {
      name: "what conflicts",
      answer: { ...NAMES, state: "conflict", head: HEAD, onto: COMMIT, tree: HEAD, conflicts: ["a.txt"], atMs: 0 },
      code: 4,
      says: [
        "codex-inbox/docs-1a2b3c and main have changed the same places; nothing was changed:",
        "  a.txt",
        "have the session settle it: codex-inbox land --repair docs; or merge by hand: git merge codex-inbox/docs-1a2b3c",
      ],
    },
    {
      name: "who settles a conflict",
      answer: {
        ...NAMES,
        state: "conflict",
        head: HEAD,
        onto: COMMIT,
        tree: HEAD,
        conflicts: [],
        atMs: 0,
        repair: "t",
      },
      code: 75,
      says: [
        "codex-inbox/docs-1a2b3c and main have changed the same places; nothing was changed:",
        "the session settles it in task t; then land it again",
      ],
    },
  ])("says $name", async ({ answer, code, says }) => {
    const deps = createFakeCliDeps({ land: async () => presentLanding(answer) });
    expect(await runCommand(createLandCommand(deps), "docs")).toBe(code);
    expect(deps.printed).toEqual(says);
  });

  it("hands words on to the session that settles it, and to nobody else", async () => {
    const asked: unknown[] = [];
    const land = async (...request: unknown[]): Promise<LandingView> => {
      asked.push(request);
      return presentLanding({ ...NAMES, state: "nothing" });
    };
    for (const words of [["docs"], ["--repair", "docs"], ["--repair", "docs", "keep both"]])
      await runCommand(createLandCommand(createFakeCliDeps({ land })), ...words);
    expect(asked).toEqual([
      ["docs", undefined],
      ["docs", { words: "" }],
      ["docs", { words: "keep both" }],
    ]);
    await expect(runCommand(createLandCommand(createFakeCliDeps({ land })), "docs", "keep both")).rejects.toThrow(
      "words for the session go with --repair",
    );
  });

  it("prints JSON, with null for what is absent", async () => {
    const deps = createFakeCliDeps({ land: async () => presentLanding({ ...NAMES, state: "nothing" }) });
    await runCommand(createLandCommand(deps), "--json", "docs");
    expect(JSON.parse(deps.printed.join("\n"))).toEqual({
      ...{
        ...{ version: 1, session: "docs", branch: "codex-inbox/docs-1a2b3c", target: "main" },
        state: "nothing",
        head: null,
        commit: null,
        conflicts: [],
        why: null,
        command: null,
        repairTask: null,
        ...NO_EDITS,
      },
    });
  });
});
