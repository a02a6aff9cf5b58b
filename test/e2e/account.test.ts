import { expect, it } from "vitest";
import type { SessionView } from "../../src/app/views/session-list.ts";
import { realCodex } from "../support/real-codex.ts";
import { tempWorkspace } from "../support/workspace.ts";

/** One answer of the scripted model. */
const ANSWER = { inputTokens: 100, cachedInputTokens: 0, outputTokens: 10, reasoningOutputTokens: 0 };
const TWICE = { ...ANSWER, inputTokens: 200, outputTokens: 20 };

it("the real codex: each run of a thread is accounted for alone, failed ones too, and the session has the sum", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex });
  workspace.commitSettings('{"retryBaseMs": 50, "retryMaxMs": 100, "maxAttempts": 2}');
  const ask = async (name: string, text: string, code = 0): Promise<Readonly<Record<string, unknown>>> => {
    workspace.drop(`docs/${name}.md`, text);
    await workspace.serveUntilIdle({ code });
    return workspace.results.task(text.split("\n").at(-2) ?? text).frontMatter;
  };

  const first = await ask("one", "First, say hello.\n");
  expect(first).toMatchObject({ usage: ANSWER, totalUsage: ANSWER, commands: 0, filesChanged: 0 });
  expect(first.model).toMatch(/^gpt-/);
  expect(first.codexVersion).toMatch(/^\d+\.\d+/);

  const second = await ask("two", "Second. [[shell: echo hi > made.txt]] [[final: made it]]\n");
  expect(second).toMatchObject({ usage: TWICE, totalUsage: TWICE, commands: 1, filesChanged: 1, thread: first.thread });

  // The model answers once, with a command, and then refuses: the events of such a run tell no tokens at all.
  const failed = await ask("three", "Third. [[shell: true]] [[http 400 message=no]]\n", 1);
  expect(failed).toMatchObject({ status: "failed", usage: ANSWER, commands: 1, thread: first.thread });

  const fresh = await ask("four", "---\nresume: false\nmodel: gpt-5.4\n---\nFourth.\n");
  expect(fresh).toMatchObject({ usage: ANSWER, model: "gpt-5.4" });
  expect(fresh.thread).not.toBe(first.thread);
  const back = await ask("five", `---\nresume: ${String(first.thread)}\n---\nFifth.\n`);
  expect(back).toMatchObject({ usage: ANSWER, model: first.model, thread: first.thread });

  const list: readonly SessionView[] = JSON.parse((await workspace.command("sessions", "--json")).stdout).sessions;
  expect(list).toMatchObject([
    {
      ...{ key: "docs", tasks: { queued: 0, running: 0, succeeded: 4, failed: 1, cancelled: 0 }, runs: 5, commands: 2 },
      usage: { ...ANSWER, inputTokens: 600, outputTokens: 60 },
    },
  ]);
  expect((await workspace.command("sessions", "docs")).stdout).toContain("600 tokens in (0 cached), 60 out");
  expect(await workspace.command("sessions", "nowhere")).toMatchObject({ code: 3, stdout: "" });
});
