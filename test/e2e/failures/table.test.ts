import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FAILURE_POLICIES, type FailureKind, type Remedy } from "../../../src/task/state/failure.ts";
import type { ServedLog } from "../../support/coordinator-process.ts";
import { type RealCodex, realCodex } from "../../support/real-codex.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

/** One failure that the real codex meets in a fresh thread, and what must come of it. */
interface Row {
  readonly failure: FailureKind;
  /** What the scripted model does. */
  readonly model: string;
  /** Of the task. */
  readonly frontMatter?: string;
  /** What is done, told by what was done: how many runs there were, and whether they counted. */
  readonly policy: Remedy;
  /** That reached the model. */
  readonly requests: number;
  readonly status: "failed" | "succeeded";
  /** How the reason of the first run goes on behind our sentence. */
  readonly words: RegExp;
  /** The second run does not start sooner after the first request. */
  readonly waitsMs?: number;
  /** The answer in the result, where a failure leaves one. */
  readonly message?: string;
}

const ATTEMPTS_MAX = 2;

/** Failures that concern the task alone. Where the model relents (`x1`), the second attempt succeeds. */
const ROWS: readonly Row[] = [
  row("badRequest", "[[http 400 message=no]]", "fail", 1, "failed", /^no$/),
  row("badRequest", "[[http 418]]", "fail", 1, "failed", /^unexpected status 418/),
  row("badRequest", "", "fail", 0, "failed", /^Output schema file .* is not valid JSON/, {
    frontMatter: "outputSchema: broken.json",
  }),
  row("contentRefused", '[[response.failed cyber_policy message="not this"]]', "fail", 1, "failed", /^not this$/),
  row("contentRefused", '[[response.failed invalid_prompt message="nor this"]]', "fail", 1, "failed", /^nor this$/),
  row("contentRefused", "[[http 403 code=inference_hook_denied message=no]]", "fail", 1, "failed", /^no$/),
  row("contentRefused", "[[response.failed misalignment_policy_violation message=no]]", "fail", 1, "failed", /^no$/),
  row("contentRefused", "[[response.incomplete content_filter]]", "fail", 1, "failed", /reason: content_filter$/),
  row("unknown", '[[http 400 body="no such luck"]]', "fail", 1, "failed", /^no such luck$/),
  row("unknownModel", "[[http 404]]", "fail", 1, "failed", /^unexpected status 404/, { frontMatter: "model: nope" }),
  // The agent may write to the file in the work tree; the schema is what it was at the start.
  row(
    "outputUnusable",
    '[[write schema.json: {}]] [[final: {"b":1}]]',
    "fail",
    2,
    "failed",
    /^the answer has no "a"$/,
    {
      ...{ frontMatter: "outputSchema: schema.json", message: '{"b":1}' },
    },
  ),
  row("threadNotFound", "", "fail", 0, "failed", /no rollout found for thread id 01a1f950-/, {
    frontMatter: "resume: 01a1f950-5f71-7472-a9b5-7a2032cb912c",
  }),
  row("rateLimited", "[[http 429]]", "retry", 2, "failed", /^exceeded retry limit, last status: 429/),
  row("rateLimited", "[[http 429 type=rate_limit_exceeded x1]]", "retry", 2, "succeeded", /last status: 429/),
  row(
    "rateLimited",
    '[[response.failed rate_limit_exceeded message="try again in 2s" x1]]',
    "retry",
    2,
    "succeeded",
    /in 2s/,
    {
      waitsMs: 2_000,
    },
  ),
  row("overloaded", "[[http 503 code=server_is_overloaded]]", "retry", 2, "failed", /at capacity/),
  row("overloaded", "[[response.failed server_is_overloaded x1]]", "retry", 2, "succeeded", /at capacity/),
  row("overloaded", "[[http 429 code=flex_unavailable]]", "retry", 2, "failed", /^Flex capacity unavailable/),
  row("overloaded", "[[http 503 code=policy_capacity_unavailable]]", "retry", 2, "failed", /capacity is unavailable/),
  row("connection", "[[http 408 x1]]", "retry", 2, "succeeded", /^unexpected status 408/),
  row("serverError", "[[http 500]]", "retry", 2, "failed", /high demand/),
  row("serverError", "[[http 502 x1]]", "retry", 2, "succeeded", /502|high demand/),
  row("connection", "[[disconnect]]", "retry", 2, "failed", /^stream disconnected/),
  row("connection", "[[disconnect x1]]", "retry", 2, "succeeded", /^stream disconnected/),
  row("connection", "[[response.failed server_error message=odd]]", "retry", 2, "failed", /^stream disconnected.*odd/),
  row("contextWindow", "[[http 400 code=context_length_exceeded]]", "retry", 2, "failed", /ran out of room/),
  row("incomplete", "[[response.incomplete max_output_tokens]]", "retry", 2, "failed", /reason: max_output_tokens$/),
  row("incomplete", "[[response.incomplete max_output_tokens x1]]", "retry", 2, "succeeded", /max_output_tokens$/),
  row("timedOut", "[[hang]]", "retry", 2, "failed", /longer than 8 s \(timeoutMs of the task\)/, {
    frontMatter: "timeoutMs: 8000",
  }),
  row("stalled", "[[hang]]", "retry", 2, "failed", /^no event for 8 s.*stallTimeoutMs of the task/, {
    frontMatter: "stallTimeoutMs: 8000",
  }),
];

it("the real codex: what a failure of one task comes to", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex });
  const settings = { maxWorkers: 4, maxAttempts: ATTEMPTS_MAX, retryBaseMs: 100, retryMaxMs: 200 };
  workspace.commitSettings(settings);
  await workspace.command("policy", "set", "resume", "any"); // For the thread that is not there.
  writeFileSync(join(workspace.dir, "broken.json"), "{nope");
  writeFileSync(join(workspace.dir, "schema.json"), '{"type":"object","properties":{"a":{}},"required":["a"]}');
  for (const [index, { model, frontMatter }] of ROWS.entries()) {
    const head = frontMatter === undefined ? "" : `---\n${frontMatter}\n---\n`;
    workspace.drop(`row-${index}/one.md`, `${head}${beginning(index)} ${model} [[final: at last]]\n`);
  }
  const coordinator = await workspace.serveUntilIdle({ code: 1 });
  const observed = ROWS.map((_, index) => observe(index, codex, workspace, coordinator));
  expect(observed).toEqual(
    ROWS.map(({ failure, policy, requests, status, words, message = "" }, index) => ({
      ...{ row: beginning(index), failure, policy, requests, status },
      attempts: policy === "retry" ? ATTEMPTS_MAX : 1,
      message: status === "succeeded" ? "at last" : message,
      words: expect.stringMatching(words),
    })),
  );
  for (const [index, { waitsMs = 0 }] of ROWS.entries()) {
    const [first, second] = requestsOf(index, codex);
    if (second !== undefined) expect(second.timeMs - (first?.timeMs ?? 0)).toBeGreaterThanOrEqual(waitsMs);
  }
  expect(workspace.agentPids()).toEqual([]);
  expect(workspace.stateFiles("unknown-runs")).toContain(
    `${coordinator
      .lines("accepted")
      .find((line) => line.field("session") === `row-${ROWS.findIndex(({ failure }) => failure === "unknown")}`)
      ?.field("task")}/1/events.jsonl`,
  );
}, 120_000);

it("a prompt that codex would refuse is refused when it is dropped, and never reaches it", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("long.md", "x".repeat(1_048_577));
  workspace.drop("empty.md", "---\ntitle: Nothing\n---\n \n");
  workspace.drop("bytes.md", "");
  writeFileSync(join(workspace.dir, "inbox", "bytes.md"), Buffer.from([0x61, 0xff, 0xfe, 0x62]));
  await workspace.serveUntilIdle({ code: 1 });
  const said = ["long", "empty", "bytes"].map((name) =>
    readFileSync(join(workspace.dir, "inbox", `${name}.error.md`), "utf8"),
  );
  expect(said).toEqual([/1,?048,?576/, /empty|no prompt|blank/i, /UTF-8/].map((words) => expect.stringMatching(words)));
  expect(workspace.stubRuns()).toEqual([]);
});

function row(
  failure: FailureKind,
  model: string,
  policy: Remedy,
  requests: number,
  status: Row["status"],
  words: RegExp,
  more: Pick<Row, "frontMatter" | "waitsMs" | "message"> = {},
): Row {
  return { failure, model, policy, requests, status, words, ...more };
}

function beginning(index: number): string {
  return `Row ${index}.`;
}

function requestsOf(index: number, codex: RealCodex) {
  return codex.requests.filter(({ userTexts }) => userTexts.at(-1)?.startsWith(beginning(index)));
}

function observe(index: number, codex: RealCodex, { results }: TestWorkspace, coordinator: ServedLog) {
  const { id, frontMatter, result } = results.task(beginning(index));
  const runs = coordinator.lines("run-ended").filter((line) => line.field("task") === id);
  const reason = runs[0]?.field("reason") ?? "";
  const [failure, { sentence }] = kindOf(reason);
  if (frontMatter.failure !== undefined) expect([id, frontMatter.failure]).toEqual([id, failure]);
  const attempts = Number(frontMatter.attempts);
  return {
    row: beginning(index),
    failure,
    policy: runs.length === 1 ? "fail" : attempts === runs.length ? "retry" : "again",
    requests: requestsOf(index, codex).length,
    attempts,
    status: frontMatter.status,
    message: result?.lastMessage ?? "",
    words: reason.slice(sentence.length).replace(/^: /, ""),
  };
}

/** Every reason begins with the sentence of its kind. */
function kindOf(reason: string) {
  const found = Object.entries(FAILURE_POLICIES).find(([, { sentence }]) => reason.startsWith(sentence));
  if (found === undefined) throw new Error(`"${reason}" is no reason of ours`);
  return found;
}
