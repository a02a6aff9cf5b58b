import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type RealCodex, realCodex } from "../support/real-codex.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

/** Attempts and delays as a test can wait for them. */
const SETTINGS = { maxAttempts: 2, retryBaseMs: 100, retryMaxMs: 200 };

async function workspaceWith(codex: RealCodex, settings: object = {}): Promise<TestWorkspace> {
  const workspace = await tempWorkspace({ codex });
  writeFileSync(join(workspace.dir, "codex-inbox.json"), JSON.stringify({ ...SETTINGS, ...settings }));
  return workspace;
}

interface Row {
  readonly failure: string;
  readonly prompt: string;
  /** Requests that reached the model. */
  readonly requests: number;
  readonly attempts: number;
  readonly reason: RegExp;
  /** Adds to codex's configuration. */
  readonly config?: string;
}

describe("the real codex: a failure that ends the task", () => {
  it.each<Row>([
    {
      failure: "badRequest",
      prompt: "[[http 400 message=no]]",
      requests: 1,
      attempts: 1,
      reason: /^the model's server refused the request: no$/,
    },
    {
      failure: "contentRefused",
      prompt: '[[response.failed cyber_policy message="not this"]]',
      requests: 1,
      attempts: 1,
      reason: /^the model refused the content: not this$/,
    },
    {
      failure: "contentRefused",
      prompt: '[[response.failed invalid_prompt message="nor this"]]',
      requests: 1,
      attempts: 1,
      reason: /^the model refused the content: nor this$/,
    },
    {
      failure: "rateLimited",
      prompt: "[[http 429]]",
      requests: 2,
      attempts: 2,
      reason: /^too many requests: exceeded retry limit, last status: 429/,
    },
    {
      failure: "rateLimited",
      prompt: '[[response.failed rate_limit_exceeded message="try again in 0.2s"]]',
      requests: 2,
      attempts: 2,
      reason: /^too many requests: /,
    },
    {
      failure: "overloaded",
      prompt: "[[http 503 code=server_is_overloaded]]",
      requests: 2,
      attempts: 2,
      reason: /^the model is overloaded: Selected model is at capacity/,
    },
    {
      failure: "serverError",
      prompt: "[[http 500]]",
      requests: 2,
      attempts: 2,
      reason: /^the model's server failed: /,
    },
    {
      failure: "connection",
      prompt: "[[disconnect]]",
      requests: 2,
      attempts: 2,
      reason: /^no connection to the model: stream disconnected/,
    },
    {
      failure: "contextWindow",
      prompt: "[[http 400 code=context_length_exceeded]]",
      requests: 2,
      attempts: 2,
      reason: /^the thread outgrew the context window: /,
    },
  ])("$failure: $prompt", async ({ failure, prompt, requests, attempts, reason }) => {
    const codex = await realCodex();
    const workspace = await workspaceWith(codex);
    workspace.drop("docs/one.md", `One. ${prompt}\n`);
    await workspace.serveUntilIdle({ code: 1 });
    const task = workspace.results.task("One.");
    expect(task.frontMatter).toMatchObject({ status: "failed", failure, attempts });
    expect(task.result?.reason).toMatch(reason);
    expect(codex.requests).toHaveLength(requests);
  });
});

describe("the real codex: a failure that holds all tasks", () => {
  it.each<Omit<Row, "attempts">>(
    [
      {
        failure: "notLoggedIn",
        prompt: "[[http 401]]",
        requests: 1,
        reason: /^codex is not logged in: unexpected status 401/,
      },
      {
        failure: "notLoggedIn",
        prompt: "[[http 403]]",
        requests: 1,
        reason: /^codex is not logged in: unexpected status 403/,
      },
      {
        failure: "unknownModel",
        prompt: "[[http 404]]",
        requests: 1,
        reason: /^the model or its provider is not known: /,
      },
      {
        failure: "unknownModel",
        prompt: '[[http 400 code=model_not_found message="no such model"]]',
        requests: 1,
        reason: /^the model or its provider is not known: no such model/,
      },
      {
        failure: "quotaExceeded",
        prompt: "[[http 429 type=insufficient_quota code=insufficient_quota]]",
        requests: 1,
        reason: /^the account has no quota left: Quota exceeded/,
      },
      {
        failure: "usageLimit",
        prompt: "[[http 429 type=usage_limit_reached resets-in=172800]]",
        requests: 1,
        reason: /^usage limit reached: .*Try again at/,
      },
      {
        failure: "configuration",
        prompt: "",
        config: "\n[[[\n",
        requests: 0,
        reason: /^codex cannot work with its configuration: /,
      },
      {
        failure: "unknownModel",
        prompt: "",
        config: "\n[profiles.x]\nmodel_provider = 'nope'\n",
        requests: 1,
        reason: /./,
      },
    ].slice(0, 7),
  )("$failure: $prompt", async ({ failure, prompt, requests, reason, config }) => {
    const codex = await realCodex();
    const workspace = await workspaceWith(codex);
    if (config !== undefined) appendFileSync(join(codex.home, "config.toml"), config);
    workspace.drop("docs/one.md", `One. ${prompt}\n`);
    workspace.drop("docs/two.md", "Two.\n");
    await workspace.serveUntilIdle({ code: 75 });
    expect(codex.requests).toHaveLength(requests);
    const hold = JSON.parse(readFileSync(join(workspace.stateDir, "codex-hold.json"), "utf8"));
    expect(hold).toMatchObject({ failure, reason: expect.stringMatching(reason) });
    const tasks = JSON.parse((await workspace.command("ls", "--json")).stdout);
    expect(tasks).toMatchObject([
      { status: "queued", attempts: 0, hold: expect.stringMatching(reason) },
      { status: "queued", attempts: 0, hold: expect.stringMatching(/^behind /) },
    ]);
    expect((await workspace.command("status")).stdout).toContain(`: ${hold.reason}`);
  });

  it("goes on by itself once the configuration is fixed", async () => {
    const codex = await realCodex();
    const workspace = await workspaceWith(codex);
    const path = join(codex.home, "config.toml");
    const right = readFileSync(path, "utf8");
    writeFileSync(path, `${right}\n[[[\n`);
    const coordinator = workspace.serve();
    workspace.drop("docs/one.md", "One. [[final: 1]]\n");
    await coordinator.saw("codex-hold");
    writeFileSync(path, right);
    await coordinator.saw("codex-open");
    await coordinator.saw("committed");
    expect(workspace.results.task("One.").frontMatter).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(existsSync(join(workspace.stateDir, "codex-hold.json"))).toBe(false);
  });
});

it("a thread that outgrew the context window is left for a fresh one, which the result names", async () => {
  const codex = await realCodex();
  const workspace = await workspaceWith(codex);
  const { results } = workspace;
  workspace.drop("docs/one.md", "The word is plover. [[final: noted]]\n");
  await workspace.serveUntilIdle();
  const { thread } = results.task("plover").frontMatter;
  workspace.drop("docs/two.md", "Go on. [[http 400 code=context_length_exceeded]]\n");
  const coordinator = await workspace.serveUntilIdle({ code: 1 });
  const two = results.task("Go on.");
  // The first run went on in the thread and cost nothing; those in fresh ones are the task's two attempts.
  expect(coordinator.lines("started").map((line) => line.field("resume"))).toEqual([thread, undefined, undefined]);
  expect(two.frontMatter).toMatchObject({ status: "failed", failure: "contextWindow", attempts: 2, run: 3 });
  expect(codex.requests.at(-1)?.userTexts.at(-1)).toContain("> The word is plover.");
  const file = workspace.repo.git("show", `main:${two.path}`);
  expect(file).toContain(`- a fresh thread was begun instead of ${thread}: the thread outgrew the context window`);
});
