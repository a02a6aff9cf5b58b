import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { StatusView } from "../../../src/app/queries/queries.ts";
import { realCodex } from "../../support/real-codex.ts";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("the real codex: a run under way is seen and waited for, also after the coordinator is gone, until the next one has collected it", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex });
  workspace.drop("docs/slow.md", "Be slow. [[shell: until test -e go; do sleep 0.1; done]] [[final: At **last**.]]\n");
  const coordinator = workspace.serve();
  const id = (await coordinator.saw("thread")).field("task") ?? "";
  workspace.drop("docs/next.md", "---\ntitle: Next\n---\nThen this. [[final: And this.]]\n");
  await coordinator.saw("accepted", 2);
  const status = async (): Promise<StatusView> => JSON.parse((await workspace.command("status", "--json")).stdout);
  const underWay = async () => {
    const [task] = (await status()).running;
    return task?.progress?.command?.includes("until test -e go") === true ? task : undefined;
  };
  const seen = await waitFor(underWay, { what: "the command under way" });
  expect(seen).toMatchObject({ id, progress: { kind: "agent", commands: 0, last: expect.stringMatching(/^\$ /) } });
  const tokens = async () => (await underWay())?.progress?.usage?.inputTokens;
  expect(await waitFor(tokens, { what: "the tokens of the first answer" })).toBeGreaterThan(0);
  const [next] = (await status()).queued;
  expect(next).toMatchObject({ title: "Next", hold: `behind ${id} in session docs`, holdRemedy: expect.any(String) });
  const asked = (...parts: readonly string[]) => workspace.command("wait", ...parts);
  expect(await asked(id.slice(-6), "--timeout", "1")).toMatchObject({ code: 75, stderr: expect.stringContaining(id) });
  const waits = asked(id, next?.id ?? "");

  await coordinator.kill();
  expect(await underWay()).toMatchObject({ id, status: "running", progress: { command: seen.progress?.command } });
  expect(await tokens()).toBeGreaterThan(0);
  const said = await workspace.command("status");
  expect(said.stdout).toMatch(/serving +nobody; start with: codex-inbox serve/);
  expect(said.stdout).toMatch(
    / +runs for \d+ s, last event \d+ s ago, \d+ tokens in, \d+ out\n +\$ .*until test -e go/,
  );
  const unserved = await asked(id, "--timeout", "1");
  expect(unserved).toMatchObject({ code: 75, stderr: expect.stringMatching(/nobody serves this workspace/) });
  expect((await workspace.command("show", "--answer", id)).code).toBe(75);

  writeFileSync(join(workspace.dir, "go"), "");
  const second = workspace.serve();
  const waited = await waits;
  expect(waited, waited.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/succeeded.*\n.*succeeded/) });
  expect(await workspace.command("show", "--answer", id)).toMatchObject({ code: 0, stdout: "At **last**.\n" });
  await second.saw("committed", 2);
  second.signal("SIGTERM");
  await second.ended;
  const shown = await workspace.command("show", id);
  for (const text of [
    "Prompt\n  Be slow.",
    "Answer\n  At **last**.",
    workspace.results.commits().find(({ task }) => task === id)?.commit ?? "?",
  ])
    expect(shown.stdout).toContain(text);
  expect((await workspace.command("sessions", "--state", "stopped")).stdout).toMatch(/^docs +STOPPED/);
});
