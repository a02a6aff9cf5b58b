import { rmSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isThreadId } from "../../src/task/names/thread-id.ts";
import { realCodex } from "../support/real-codex.ts";
import { waitFor } from "../support/wait-for.ts";
import { tempWorkspace } from "../support/workspace.ts";

/** One transparent pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

describe("the real codex", () => {
  it("takes a dropped prompt, edits a file, and its answer comes back as one commit", async () => {
    const codex = await realCodex();
    const workspace = await tempWorkspace({ codex });
    const { repo, results } = workspace;
    workspace.drop(
      "docs/greeting.md",
      "# Write the greeting\n\nIn a file. [[write greeting.txt: hello]] [[final: Wrote it.\n\nSee: greeting.txt]]\n",
    );
    await workspace.serveUntilIdle();

    const [commit] = results.commits();
    const task = results.task("Write the greeting");
    const thread = String(task.frontMatter.thread);
    expect(isThreadId(thread)).toBe(true);
    const message = repo.git("log", "-1", "--format=%B", "main");
    expect(message.replace(/\(\d.*s\)/, "(time)")).toBe(
      [
        "docs: Write the greeting (time)",
        "",
        "Wrote it.",
        "",
        " See: greeting.txt",
        "",
        "Changed files",
        "- added greeting.txt",
        "",
        `Task-Id: ${task.id}`,
        "Session-Key: docs",
        `Codex-Thread: ${thread}`,
        "Task-Status: succeeded",
        "Attempts: 1",
        `Requested-By: ${userInfo().username}`,
        "Origin: file",
        `Change: ${repo.git("rev-parse", `refs/codex-inbox/turns/${task.id}/1`)}`,
      ].join("\n"),
    );
    expect(commit).toMatchObject({ task: task.id, status: "succeeded" });
    expect(task.result).toEqual({
      reason: undefined,
      lastMessage: "Wrote it.\n\nSee: greeting.txt",
      changedFiles: [{ path: "greeting.txt", change: "added", by: "patch" }],
    });
    expect(repo.git("status", "--porcelain")).toBe("?? greeting.txt");
    expect(repo.read("greeting.txt")).toBe("hello\n");
    expect(repo.read("inbox/docs/greeting.md")).toBeUndefined();
    expect(codex.requests.map(({ threadId }) => threadId)).toEqual([thread, thread]);
    expect(codex.requests[0]?.userTexts).toEqual([task.prompt]);
  });

  it("continues a session's thread with the next task, whose usage and transcript are its own", async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex });
    const { results } = workspace;
    workspace.drop("docs/one.md", "The word is plover. [[final: noted]]\n");
    await workspace.serveUntilIdle();
    workspace.drop("docs/two.md", "What was the word? [[transcript]]\n");
    const second = await workspace.serveUntilIdle();

    const [one, two] = [results.task("The word is plover"), results.task("What was the word")];
    expect(two.frontMatter.thread).toBe(one.frontMatter.thread);
    expect(second.lines("started").map((line) => line.field("resume"))).toEqual([one.frontMatter.thread]);
    expect(codex.requests.at(-1)?.userTexts).toEqual([one.prompt, two.prompt]);
    expect(two.result?.lastMessage).toContain("The word is plover.");
    // The thread's running total is 200 by now.
    for (const task of [one, two]) expect(task.frontMatter.usage).toMatchObject({ inputTokens: 100, outputTokens: 10 });
    const entries = results.transcript("docs").map(({ task, thread, body }) => ({ task, thread, kind: body.kind }));
    const thread = one.frontMatter.thread;
    expect(entries).toEqual(
      [one.id, two.id].flatMap((task) => ["user", "assistant", "end"].map((kind) => ({ task, thread, kind }))),
    );
    expect(results.rows().map(({ task, status }) => [task, status])).toEqual(
      [one.id, two.id].flatMap((task) => ["queued", "running", "succeeded"].map((status) => [task, status])),
    );
  });

  it("runs one session strictly in order, and another one beside it", async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex });
    const numbers = [1, 2, 3, 4, 5];
    for (const number of numbers) workspace.drop(`line/${number}.md`, `line ${number} [[final: ok]]\n`);
    workspace.drop("aside/1-long.md", "aside [[shell: until [ -e go ]; do sleep 0.05; done]] [[final: ok]]\n");
    workspace.drop("aside/2-after.md", "after [[final: ok]]\n");
    const idle = workspace.serveUntilIdle();
    const requestsOf = (word: string) => codex.requests.filter(({ userTexts }) => userTexts[0]?.startsWith(word));
    await waitFor(() => requestsOf("line").length === numbers.length, {
      ...{ what: "the whole of the one session while the other one waits", timeoutMs: 25_000 },
    });
    workspace.repo.write("go", "");
    await idle;

    const { results } = workspace;
    const ofLine = requestsOf("line");
    expect(ofLine.map(({ userTexts }) => userTexts.map((text) => Number(text.split(" ")[1])))).toEqual(
      numbers.map((number) => numbers.slice(0, number)),
    );
    expect(new Set(ofLine.map(({ threadId }) => threadId)).size).toBe(1);
    const times = numbers.map((number) => results.task(`line ${number}`).frontMatter);
    for (const [index, { startedAt }] of times.entries()) {
      const before = times[index - 1]?.endedAt;
      if (before !== undefined)
        expect(Date.parse(String(startedAt))).toBeGreaterThanOrEqual(Date.parse(String(before)));
    }
    const ofAside = requestsOf("aside").map(({ userTexts }) => userTexts.length);
    expect(ofAside).toEqual([1, 1, 2]);
  });

  it("is handed images, a schema for its answer, a model and a sandbox", async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex });
    const schema = {
      type: "object",
      properties: { word: { type: "string" } },
      required: ["word"],
      additionalProperties: false,
    };
    workspace.repo.write("pictures/pixel.png", PNG);
    workspace.repo.write("schema.json", JSON.stringify(schema));
    const frontMatter = {
      images: ["pictures/pixel.png"],
      outputSchema: "schema.json",
      model: "another-model",
      sandbox: "read-only",
    };
    workspace.drop(
      "look.md",
      `---\n${JSON.stringify(frontMatter)}\n---\nLook. [[write made.txt: x]] [[final: {"word":"pixel"}]]\n`,
    );
    await workspace.serveUntilIdle();

    const [request] = codex.requests;
    expect(request?.model).toBe("another-model");
    expect(request?.body).toMatchObject({ text: { format: { type: "json_schema", strict: true, schema } } });
    expect(JSON.stringify(request?.body)).toContain(`"image_url":"data:image/png;base64,`);
    expect(workspace.repo.read("made.txt")).toBeUndefined();
    const task = workspace.results.task("Look.");
    expect(task.result).toEqual({ reason: undefined, lastMessage: '{"word":"pixel"}', changedFiles: [] });
    expect(task.frontMatter).toMatchObject({ ...frontMatter, status: "succeeded" });
  });

  it("is asked again after a passing failure, in the same thread, and both attempts are kept", async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex, environment: { CODEX_INBOX_RETRY_BASE_MS: "50" } });
    workspace.drop("docs/hasty.md", "Hurry. [[http 429 type=rate_limit_exceeded x1]] [[final: at last]]\n");
    await workspace.serveUntilIdle();

    const task = workspace.results.task("Hurry.");
    expect(task.frontMatter).toMatchObject({ status: "succeeded", attempts: 2, run: 2 });
    expect(task.result?.lastMessage).toBe("at last");
    const ends = workspace.results.transcript("docs").filter(({ body }) => body.kind === "end");
    expect(ends.map(({ run, body }) => [run, body.kind === "end" && body.outcome])).toEqual([
      [1, "failed"],
      [2, "succeeded"],
    ]);
    expect(new Set(codex.requests.map(({ threadId }) => threadId)).size).toBe(1);
    expect(workspace.results.commits()).toHaveLength(1);
  });
});

describe("a thread that is not there", () => {
  it("fails a task that asks for it by its id, and nothing else", async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex });
    const unknown = "01a1f950-5f71-7472-a9b5-7a2032cb912c";
    workspace.drop("docs/lost.md", `---\nresume: ${unknown}\n---\nGo on. [[final: no]]\n`);
    await workspace.serveUntilIdle({ code: 1 });
    expect(workspace.results.commits()).toEqual([]); // Not a thread of this workspace: refused until the policy says otherwise.
    await workspace.command("policy", "set", "resume", "any");
    workspace.drop("docs/next.md", "Begin. [[final: yes]]\n");
    await workspace.serveUntilIdle({ code: 1 });

    const { results } = workspace;
    const lost = results.task("Go on.");
    expect(lost.status).toBe("failed");
    expect(lost.result?.reason).toContain(`no rollout found for thread id ${unknown}`);
    expect(lost.frontMatter).toMatchObject({ attempts: 1, run: 1 });
    expect(lost.frontMatter.thread).toBeUndefined();
    const subject = results.commits().find(({ task }) => task === lost.id)?.subject;
    expect(subject).toMatch(/^docs: failed: Go on\. \[\[final: no\]\] \(.*\)$/);
    expect(results.task("Begin.").status).toBe("succeeded");
    expect(codex.requests.map(({ userTexts }) => userTexts)).toEqual([[results.task("Begin.").prompt]]);
  });

  it("is replaced by a new one where the session's own is gone from this machine", async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex });
    const { results } = workspace;
    workspace.drop("docs/one.md", "First. [[final: 1]]\n");
    await workspace.serveUntilIdle();
    for (const name of ["sessions", "state_5.sqlite", "thread_history_1.sqlite"])
      rmSync(join(codex.home, name), { recursive: true, force: true });
    workspace.drop("docs/two.md", "Second. [[final: 2]]\n");
    workspace.drop("docs/three.md", "Third. [[transcript]]\n");
    await workspace.serveUntilIdle();

    const [one, two, three] = [results.task("First."), results.task("Second."), results.task("Third.")];
    expect(two.frontMatter).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(two.frontMatter.thread).not.toBe(one.frontMatter.thread);
    expect(three.frontMatter.thread).toBe(two.frontMatter.thread);
    expect(three.result?.lastMessage).toContain("Second.");
    // The new thread was told what was said before, and the result says that it is a new one.
    expect(codex.requests[1]?.userTexts.at(-1)).toMatch(/^Second\.[\s\S]*new thread[\s\S]*> First\.[\s\S]*> 1\n/);
    const file = workspace.repo.git("show", `main:${two.path}`);
    expect(file).toContain(
      `- a fresh thread was begun instead of ${one.frontMatter.thread}: codex does not have the thread`,
    );
    expect(two.prompt).toBe("Second. [[final: 2]]\n");
  });

  it("is noticed when codex opens another one, and the session keeps its own", async () => {
    const workspace = await tempWorkspace();
    const { results } = workspace;
    workspace.drop("docs/one.md", "First.\n");
    await workspace.serveUntilIdle();
    workspace.drop("docs/two.md", "Second. [[wrong-thread]]\n");
    await workspace.serveUntilIdle({ code: 1 });
    workspace.drop("docs/three.md", "Third.\n");
    await workspace.serveUntilIdle();

    const thread = results.task("First.").frontMatter.thread;
    const second = results.task("Second.");
    expect(second.status).toBe("failed");
    expect(second.result?.reason).toMatch(/^codex opened another thread: \S+ instead of /);
    expect(second.frontMatter.thread).toBeUndefined();
    expect(workspace.stubRuns().map(({ resume }) => resume)).toEqual([null, thread, thread]);
    expect(results.task("Third.").frontMatter.thread).toBe(thread);
  });
});
