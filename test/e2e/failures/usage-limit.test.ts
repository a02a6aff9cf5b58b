import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { realCodex } from "../../support/real-codex.ts";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

/** Ten tasks in four sessions. */
const TASKS = ["a/1", "a/2", "a/3", "b/1", "b/2", "b/3", "c/1", "c/2", "d/1", "d/2"];
/** Long enough for a restart and some questions in between on a busy machine. Codex names the minute; the second stands in the thread's file. */
const LIMIT = "[[sleep 2000 x1]] [[http 429 type=usage_limit_reached resets-in=18 x1]]";

it("ten tasks meet a usage limit: all wait, over a kill, and each goes on once when it is over", async () => {
  const codex = await realCodex();
  const workspace = await tempWorkspace({ codex });
  const settings = { maxWorkers: 1, maxAttempts: 1, retryBaseMs: 100, retryMaxMs: 200 };
  workspace.commitSettings(settings);
  workspace.drop("a/1.md", "a/1 [[final: ok]]\n");
  const first = workspace.serve();
  await first.saw("committed");
  workspace.drop("a/2.md", `a/2 ${LIMIT} [[final: ok]]\n`);
  for (const name of TASKS.slice(2)) workspace.drop(`${name}.md`, `${name} [[final: ok]]\n`);
  await first.saw("accepted", TASKS.length);
  await first.saw("breaker-open");
  const metMs = Date.now();
  await first.kill();
  const held = JSON.parse(readFileSync(join(workspace.stateDir, "codex-hold.json"), "utf8"));
  expect(held).toMatchObject({ failure: "usageLimit", checks: 0 });
  expect(held.untilMs - metMs).toBeGreaterThan(12_000);
  expect(held.untilMs - metMs).toBeLessThanOrEqual(19_000);

  const second = workspace.serve();
  await second.saw("serving");
  const until = new Date(held.untilMs).toISOString();
  const health = await (await second.ask("/health")).json();
  expect(health).toMatchObject({
    status: "waiting",
    codex: { reason: expect.stringMatching(/^usage limit reached/), until },
  });
  expect((await workspace.command("status")).stdout).toContain(`: ${held.reason}`);
  const listed: readonly { readonly hold: string }[] = JSON.parse(
    (await workspace.command("ls", "--json")).stdout,
  ).tasks;
  const waiting = listed.filter(({ hold }) => hold?.startsWith("usage limit reached"));
  expect(waiting).toHaveLength(4); // The head of each session; the others are behind it.
  for (const task of waiting) expect(task).toMatchObject({ status: "queued", attempts: 0 });
  expect(second.lines("started")).toEqual([]);
  expect(codex.requests).toHaveLength(2);

  await second.saw("breaker-closed", 1, 30_000);
  await waitFor(() => workspace.results.tasks().length === TASKS.length, { what: "all results", timeoutMs: 40_000 });
  second.signal("SIGTERM");
  await second.ended;
  expect(existsSync(join(workspace.stateDir, "codex-hold.json"))).toBe(false);
  const [, , trial] = codex.requests;
  expect(trial?.timeMs).toBeGreaterThanOrEqual(held.untilMs);
  const results = workspace.results.tasks();
  expect(results.map(({ prompt }) => prompt.slice(0, 3)).sort()).toEqual(TASKS);
  for (const { frontMatter } of results) expect(frontMatter).toMatchObject({ status: "succeeded", attempts: 1 });
  const asked = codex.requests.map(({ userTexts }) => userTexts.at(-1)?.slice(0, 3)).sort();
  expect(asked).toEqual([...TASKS, "a/2"].sort());
}, 90_000);
