import { expect, it } from "vitest";
import { tempWorkspace } from "../../support/workspace.ts";

/** proper-lockfile alone lets nobody in for ten seconds after a kill; a start itself takes one or two. */
const TAKE_OVER_MAX_MS = 6_000;

it("a second coordinator is refused and told who serves, and where", async () => {
  const workspace = await tempWorkspace();
  const first = workspace.serve();
  const url = await first.url();
  const second = workspace.serve();
  expect(await second.ended).toEqual({ code: 4, signal: null });
  expect(second.log()).toContain(`process ${first.pid}`);
  expect(second.log()).toContain(url);
  expect((await first.ask("/health")).status).toBe(200);
});

it("a coordinator that was killed is followed at once", async () => {
  const workspace = await tempWorkspace();
  const first = workspace.serve();
  await first.url();
  await first.kill();
  const second = workspace.serve();
  await second.saw("serving", 1, TAKE_OVER_MAX_MS);
  workspace.drop("docs/greet.md", "Say hello\n");
  await second.saw("committed");
  expect(workspace.results.task("Say hello").status).toBe("succeeded");
});

it("of several that start after a kill, one serves and the others are refused", async () => {
  const workspace = await tempWorkspace();
  const first = workspace.serve();
  await first.url();
  await first.kill();
  const starts = Array.from({ length: 4 }, () => workspace.serve());
  const refused = await Promise.all(
    starts.map(async (start) => {
      await Promise.race([start.ended, start.saw("serving")]);
      return start.lines("serving").length === 0;
    }),
  );
  expect(refused.filter((isRefused) => !isRefused)).toHaveLength(1);
  for (const [index, start] of starts.entries()) if (refused[index]) expect((await start.ended).code).toBe(4);
});
