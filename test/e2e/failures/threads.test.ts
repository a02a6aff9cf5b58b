import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { wrappedCodex } from "../../support/broken-codex.ts";
import { type RealCodex, realCodex } from "../../support/real-codex.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

/** A workspace with one task that succeeded in the session `docs`. Attempts and delays are as a test can wait for them. */
async function begun(): Promise<{ codex: RealCodex; workspace: TestWorkspace; thread: string }> {
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex });
  const settings = { maxAttempts: 2, retryBaseMs: 100, retryMaxMs: 200 };
  workspace.commitSettings(settings);
  workspace.drop("docs/one.md", "The word is plover. [[final: noted]]\n");
  await workspace.serveUntilIdle();
  return { codex, workspace, thread: String(workspace.results.task("plover").frontMatter.thread) };
}

it("contextWindow: a thread that is full is left for a fresh one, which the result names", async () => {
  const { codex, workspace, thread } = await begun();
  workspace.drop("docs/two.md", "Go on. [[http 400 code=context_length_exceeded]]\n");
  const coordinator = await workspace.serveUntilIdle({ code: 1 });
  const two = workspace.results.task("Go on.");
  // The first run went on in the thread and cost nothing; those in fresh ones are the task's two attempts.
  expect(coordinator.lines("started").map((line) => line.field("resume"))).toEqual([thread, undefined, undefined]);
  expect(two.frontMatter).toMatchObject({ status: "failed", failure: "contextWindow", attempts: 2, run: 3 });
  expect(codex.requests).toHaveLength(4);
  expect(codex.requests.at(-1)?.userTexts.at(-1)).toContain("> The word is plover.");
  const file = workspace.repo.git("show", `main:${two.path}`);
  expect(file).toContain(`- a fresh thread was begun instead of ${thread}: the thread outgrew the context window`);
});

it("threadForeign: a thread of a provider that is gone is left for a fresh one, unless the task names it", async () => {
  const { codex, workspace, thread } = await begun();
  const path = join(codex.home, "config.toml");
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(/"scripted"|(?<=model_providers\.)scripted/g, '"another"'));
  workspace.drop("docs/two.md", "Go on. [[final: in another thread]]\n");
  workspace.drop("aside/three.md", `---\nresume: ${thread}\n---\nThere or nowhere. [[final: no]]\n`);
  const coordinator = await workspace.serveUntilIdle({ code: 1 });

  const [two, three] = [workspace.results.task("Go on."), workspace.results.task("There or nowhere.")];
  expect(two.frontMatter).toMatchObject({ status: "succeeded", attempts: 1, run: 2 });
  expect(two.frontMatter.thread).not.toBe(thread);
  expect(three.frontMatter).toMatchObject({ status: "failed", failure: "threadForeign", attempts: 1, run: 1 });
  const why = "the thread belongs to another provider: Error: ";
  expect(three.result?.reason).toContain(why);
  const file = workspace.repo.git("show", `main:${two.path}`);
  expect(file).toContain(`- a fresh thread was begun instead of ${thread}: ${why}`);
  expect(coordinator.lines("started").map((line) => line.field("resume"))).toHaveLength(3);
  expect(codex.requests).toHaveLength(2);
  expect(codex.requests.at(-1)?.userTexts.at(-1)).toContain("> The word is plover.");
});

it("threadBusy: a task waits while another process writes to its thread, and no attempt is counted", async () => {
  const { codex, workspace, thread } = await begun();
  const other = new AbortController();
  const held = codex.exec("Held. [[hang]]", { workingDir: workspace.dir, resume: thread, signal: other.signal });
  await waitFor(() => codex.requests.length === 2, { what: "the other process to ask the model" });
  workspace.drop("docs/two.md", "Go on. [[transcript]]\n");
  workspace.drop("aside/three.md", "Meanwhile. [[final: ok]]\n");
  const coordinator = workspace.serve();
  await coordinator.saw("committed"); // Nobody else waits.
  await coordinator.saw("run-ended", 4);
  const [waiting] = JSON.parse((await workspace.command("ls", "--json")).stdout).tasks;
  expect(waiting.sessionKey).toBe("docs");
  expect(waiting.attempts).toBeLessThanOrEqual(1); // The one that is being made.
  expect(codex.requests).toHaveLength(3);
  other.abort();
  expect((await held).exitCode).toBe(1);
  await coordinator.saw("committed", 2);

  const two = workspace.results.task("Go on.");
  expect(two.frontMatter).toMatchObject({ status: "succeeded", attempts: 1, thread });
  expect(two.result?.lastMessage).toContain("The word is plover.");
  const reasons = coordinator.lines("run-ended").flatMap((line) => line.field("reason") ?? []);
  expect(reasons.length).toBeGreaterThanOrEqual(3);
  for (const reason of reasons)
    expect(reason).toMatch(/^another process writes to the thread: .*already has an active writer/);
  expect(codex.requests).toHaveLength(4);
});

it("threadNotFound: a run that was killed before its thread was written costs the task nothing but that thread", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const lost = "01a1f950-5f71-7472-a9b5-7a2032cb912c";
  // As it is when codex is killed at its first event: the thread was announced, and no file of it exists.
  const script = `if [ "$1" = exec ] && mkdir "$CODEX_HOME/killed" 2>/dev/null; then
  echo '{"type":"thread.started","thread_id":"${lost}"}'
  kill -9 $$
fi`;
  const workspace = await tempWorkspace({ codex: { home: codex.home, codexPath: wrappedCodex(codex, script) } });
  const settings = { maxAttempts: 1, retryBaseMs: 100, retryMaxMs: 200 };
  workspace.commitSettings(settings);
  workspace.drop("docs/one.md", "Begin. [[echo]]\n");
  const coordinator = await workspace.serveUntilIdle();
  const one = workspace.results.task("Begin.");
  expect(one.frontMatter).toMatchObject({ status: "succeeded", attempts: 1, run: 3 });
  expect(coordinator.lines("started").map((line) => line.field("resume"))).toEqual([undefined, lost, undefined]);
  expect(codex.requests).toHaveLength(1);
  expect(one.result?.lastMessage).toBe("Begin. [[echo]]\n"); // There was nothing to tell the new thread.
  const file = workspace.repo.git("show", `main:${one.path}`);
  expect(file).toContain(`- a fresh thread was begun instead of ${lost}: codex does not have the thread`);
});
