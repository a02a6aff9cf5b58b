import { describe, expect, it } from "vitest";
import { createRetryCommand } from "../../../../src/cli/commands/tasks/retry.ts";
import { createFakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

const FILED = { id: "20261121-080000-new000", parent: "20261120-141530-k3f9x2", warnings: ["unknown key x"] };

function retry() {
  const asked: string[] = [];
  const deps = createFakeCliDeps({
    retry: async (part) => {
      asked.push(part);
      return FILED;
    },
  });
  return { deps, asked, command: createRetryCommand(deps) };
}

describe("retry", () => {
  it("prints the id of the new task alone, and warnings beside it", async () => {
    const { deps, asked, command } = retry();
    expect(await runCommand(command, "k3f9")).toBe(0);
    expect([asked, deps.printed, deps.warned]).toEqual([["k3f9"], [FILED.id], FILED.warnings]);
  });

  it("prints both ids as JSON", async () => {
    const { deps, command } = retry();
    await runCommand(command, "--json", "k3f9");
    expect(deps.printed.map((line) => JSON.parse(line))).toEqual([{ version: 1, id: FILED.id, parent: FILED.parent }]);
  });

  it("takes exactly one task", async () => {
    const { asked, command } = retry();
    for (const argv of [[], ["a", "b"]])
      await expect(runCommand(command, ...argv)).rejects.toMatchObject({ code: "USAGE" });
    expect(asked).toEqual([]);
  });
});
