import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createRollouts, readErrorInfo } from "../../../src/run/codex/failure/rollout.ts";
import type { FailureKind } from "../../../src/task/state/failure.ts";
import type { RunRequest } from "../../../src/task/state/run.ts";
import { wrappedCodex } from "../../support/broken-codex.ts";
import { type RealCodex, realCodex } from "../../support/real-codex.ts";
import { STUB_PATH, type TestRunner, testRunner } from "../../support/test-runner.ts";
import { waitFor } from "../../support/wait-for.ts";

/** One failure, as the real codex meets it and as the stub plays it. */
interface Row {
  readonly failure: FailureKind;
  readonly name: string;
  /** The prompts. */
  readonly real: string;
  readonly stub: string;
  /** Breaks something around the real codex; returns what else the request needs. */
  readonly arrange?: (codex: RealCodex, test: TestRunner) => Promise<Partial<RunRequest>>;
}

const HOUR_SECONDS = 3_600;
const REFUSED = "Error: thread/resume: thread/resume failed:";

const ROWS: readonly Row[] = [
  turn("badRequest", "[[http 400 message=no]]", 'other: {"error":{"message":"no"}}'),
  turn("unknown", '[[http 400 body="no such luck"]]', "other: no such luck"),
  turn("notLoggedIn", "[[http 401]]", "http_connection_failed 401: unexpected status 401 Unauthorized"),
  turn("unknownModel", "[[http 404]]", "http_connection_failed 404: unexpected status 404 Not Found"),
  turn(
    "usageLimit",
    "[[http 429 type=usage_limit_reached]]",
    "usage_limit_exceeded: You’ve hit your usage limit. Try again later.",
  ),
  turn(
    "usageLimit",
    `[[http 429 type=usage_limit_reached resets-in=${100 * HOUR_SECONDS}]]`,
    `usage_limit_exceeded resets-in=${100 * HOUR_SECONDS}: You’ve hit your usage limit.`,
  ),
  turn(
    "quotaExceeded",
    "[[http 429 type=insufficient_quota code=insufficient_quota]]",
    "usage_limit_exceeded: Quota exceeded.",
  ),
  turn("rateLimited", "[[http 429]]", "response_too_many_failed_attempts 429: exceeded retry limit, last status: 429"),
  turn("rateLimited", "[[response.failed rate_limit_exceeded]]", "rate_limit_exceeded: rate limit exceeded: slow"),
  turn("overloaded", "[[http 503 code=server_is_overloaded]]", "server_overloaded: Selected model is at capacity."),
  turn("serverError", "[[http 500]]", "internal_server_error: We’re currently experiencing high demand"),
  turn("connection", "[[disconnect]]", "other: stream disconnected before completion: error"),
  {
    ...turn("connection", "refused", "http_connection_failed: Connection failed: error sending request"),
    arrange: async ({ server }) => {
      await server.close();
      return {};
    },
  },
  turn("contextWindow", "[[http 400 code=context_length_exceeded]]", "context_window_exceeded: Codex ran out of room"),
  turn(
    "incomplete",
    "[[response.incomplete max_output_tokens]]",
    "other: Incomplete response returned, reason: max_output_tokens",
  ),
  turn("contentRefused", "[[response.failed cyber_policy message=no]]", "cyber_policy: no"),
  turn("contentRefused", "[[response.failed invalid_prompt message=no]]", "invalid_prompt: no"),
  { failure: "promptRefused", name: "too long", real: "x".repeat(1_048_577), stub: "x".repeat(1_048_577) },
  { failure: "promptRefused", name: "empty", real: " \n", stub: " \n" },
  refusal(
    "configuration",
    "Error loading config.toml: invalid",
    inConfig((right) => `${right}\n[[[\n`),
  ),
  refusal(
    "unknownModel",
    "Error: Model provider `nope` not found",
    inConfig((right) => `model_provider = "nope"\n${right.replace(/^model_provider.*$/m, "")}`),
  ),
  refusal("badRequest", "Output schema file /x is not valid JSON", async (_, { workdir }) => {
    const outputSchema = join(workdir, "schema.json");
    writeFileSync(outputSchema, "{nope");
    return { outputSchema };
  }),
  refusal("threadNotFound", `${REFUSED} no rollout found for thread id x (code -32600)`, async () => ({
    resumeThread: "01a1f956-0000-7000-8000-000000000000",
  })),
  refusal("threadBusy", `${REFUSED} thread x already has an active writer (code -32600)`, async (codex, test) => {
    const resumeThread = await begun(test);
    test.start(test.request("Held. [[hang]]", { resumeThread }));
    await waitFor(() => codex.requests.length === 2, { what: "the other one to ask the model" });
    return { resumeThread };
  }),
  refusal(
    "threadForeign",
    `${REFUSED} This chat uses model provider “x”, which is no longer configured.`,
    async (codex, test) => {
      const resumeThread = await begun(test);
      await inConfig((right) => right.replaceAll(/"scripted"|(?<=model_providers\.)scripted/g, '"another"'))(codex);
      return { resumeThread };
    },
  ),
];

it.each(ROWS)(
  "the stub fails as the real codex does: $failure, $name",
  async ({ failure, real, stub, arrange }) => {
    const codex = await realCodex({ shellSnapshot: false });
    const test = testRunner({ codexPath: codex.codexPath, environment: codex.environment });
    execFileSync("git", ["init", "-q", test.workdir]);
    const asked = test.request(real, await arrange?.(codex, test));
    const observed = await observe(test, asked, codex.home);
    const played = testRunner({ codexPath: STUB_PATH });
    expect(await observe(played, played.request(stub), played.home)).toEqual(observed);
    expect(observed.failure).toBe(failure);
  },
  60_000,
);

it("the stub panics as the real codex does", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const codexPath = wrappedCodex(codex, "exec >/dev/full");
  const test = testRunner({ codexPath, environment: codex.environment });
  execFileSync("git", ["init", "-q", test.workdir]);
  const observed = await observe(test, test.request("One."), codex.home);
  const played = testRunner({ codexPath: STUB_PATH });
  const stub = await observe(played, played.request("[[panic: failed printing to stdout]]"), played.home);
  // What it has said before is lost with the place where it was written.
  expect({ ...stub, events: [] }).toEqual({ ...observed, events: [] });
  expect(observed).toMatchObject({ failure: "crashed", exitCode: 101 });
});

it("the stub is killed as the real codex is", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const test = testRunner({ codexPath: codex.codexPath, environment: codex.environment });
  execFileSync("git", ["init", "-q", test.workdir]);
  const runDir = test.start(test.request("One. [[hang]]"));
  await waitFor(() => codex.requests.length === 1, { what: "the request" });
  await test.runner.stop(runDir, 0); // No time for SIGINT.
  const played = testRunner({ codexPath: STUB_PATH });
  const stub = await observe(played, played.request("[[torn]]"), played.home);
  expect((await test.runner.judge(runDir, undefined)).failure).toMatchObject({ kind: stub.failure });
});

/** What only the stub shows: no state of the world makes codex 0.169.0 do it. */
it.each<{ failure: FailureKind; why: string; prompt: string; words: string }>([
  {
    ...{ failure: "sandboxDenied", prompt: "[[fail sandbox_error: no sandbox]]", words: "no sandbox" },
    why: "a denied command is an answer to the agent, whose turn goes on",
  },
  { failure: "outputUnusable", why: "it always says how a turn ended", prompt: "[[exit 0]]", words: "exit 0" },
  {
    ...{ failure: "threadMismatch", prompt: "[[wrong-thread]]", words: " instead of " },
    why: "it opens another thread for a malformed id alone, which we never pass",
  },
])("the stub alone shows $failure: $why", async ({ failure, prompt, words }) => {
  const test = testRunner({ codexPath: STUB_PATH });
  const thread = await begun(test);
  const runDir = await test.run(test.request(prompt, { resumeThread: thread }));
  const said = (await test.runner.judge(runDir, thread)).failure;
  expect(said).toMatchObject({ kind: failure, detail: expect.stringContaining(words) });
});

/** A turn that fails: the stub is told the class of codex's own, and the message. */
function turn(failure: FailureKind, real: string, stub: string): Row {
  return { failure, name: real.replaceAll(/[[\]]/g, ""), real: `One. ${real}`, stub: `One. [[fail ${stub}]]` };
}

/** A run that is refused before its turn. */
function refusal(failure: FailureKind, words: string, arrange: NonNullable<Row["arrange"]>): Row {
  return { failure, name: words, real: "One.", stub: `[[refuse: ${words}]]`, arrange };
}

function inConfig(change: (right: string) => string) {
  return async ({ home }: RealCodex): Promise<Partial<RunRequest>> => {
    const path = join(home, "config.toml");
    writeFileSync(path, change(readFileSync(path, "utf8")));
    return {};
  };
}

/** Runs a first turn; returns its thread. */
async function begun(test: TestRunner): Promise<string> {
  const { threadId } = await test.runner.judge(await test.run(test.request("Begin. [[final: ok]]")), undefined);
  if (threadId === undefined) throw new Error("the first turn has no thread");
  return threadId;
}

/** All that the coordinator goes by. */
async function observe(test: TestRunner, asked: RunRequest, home: string) {
  const runDir = await test.run(asked);
  const probe = test.runner.probe(runDir);
  const { outcome, failure, threadId } = await test.runner.judge(runDir, asked.resumeThread);
  const info = threadId === undefined ? undefined : await readErrorInfo(createRollouts(home), threadId, 0);
  const events = readFileSync(join(runDir, "events.jsonl"), "utf8").split("\n").slice(0, -1);
  return {
    exitCode: probe.kind === "ended" ? probe.exitCode : undefined,
    events: events.map((line) => JSON.parse(line).type),
    info: info === undefined ? undefined : { ...info, limits: info.limits.map(({ usedPercent }) => usedPercent) },
    outcome,
    failure: failure?.kind,
    waits: failure?.untilMs !== undefined,
  };
}
