import { describe, expect, it } from "vitest";
import type { LandAnswer } from "../../../../src/app/actions/sessions/land-session.ts";
import { createLandCommand } from "../../../../src/cli/commands/sessions/land.ts";
import { createFakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

const NAMES = { session: "docs", branch: "codex-inbox/docs-1a2b3c", target: "main" } as const;
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
      name: "what conflicts",
      answer: { ...NAMES, state: "conflict", head: HEAD, onto: COMMIT, tree: HEAD, conflicts: ["a.txt"] },
      code: 4,
      says: [
        "codex-inbox/docs-1a2b3c and main have changed the same places; nothing was changed:",
        "  a.txt",
        'ask the session to settle it (codex-inbox send docs "…"), or merge by hand: git merge codex-inbox/docs-1a2b3c',
      ],
    },
  ])("says $name", async ({ answer, code, says }) => {
    const deps = createFakeCliDeps({ land: async () => answer });
    expect(await runCommand(createLandCommand(deps), "docs")).toBe(code);
    expect(deps.printed).toEqual(says);
  });

  it("prints JSON, with null for what is absent", async () => {
    const deps = createFakeCliDeps({ land: async () => ({ ...NAMES, state: "nothing" }) });
    await runCommand(createLandCommand(deps), "--json", "docs");
    expect(JSON.parse(deps.printed.join("\n"))).toEqual({
      ...{ version: 1, ...NAMES, state: "nothing", head: null, commit: null, conflicts: [], why: null, command: null },
    });
  });
});
