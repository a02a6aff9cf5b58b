import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { FailureKind } from "../../../src/task/state/failure.ts";
import { expiredLogin, refusingLoginServer, wrappedCodex } from "../../support/broken-codex.ts";
import { realCodex } from "../../support/real-codex.ts";
import { beside } from "../../support/test-end.ts";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

/** Between two tries while tasks are held; nobody waits for it here. */
const RETRY_MS = 60_000;
const HOUR_MS = 3_600_000;

/** One failure that would meet every task alike. */
interface Row {
  readonly failure: FailureKind;
  /** What the scripted model does, once. */
  readonly model?: string;
  /** What is wrong with codex's configuration. */
  readonly config?: (right: string) => string;
  /** What is wrong with its login. */
  readonly login?: () => string;
  /** That reached the model. */
  readonly requests: number;
  /** How the reason goes on behind our sentence. */
  readonly words: RegExp;
  /** How long all tasks wait, at least and at most, in milliseconds. */
  readonly waitsMs: readonly [number, number];
}

/** A hold: until something is changed, tried now and then. */
const HOLD = [RETRY_MS / 2, RETRY_MS] as const;

const ROWS: readonly Row[] = [
  { failure: "notLoggedIn", model: "[[http 401 x1]]", requests: 1, words: /: unexpected status 401/, waitsMs: HOLD },
  { failure: "notLoggedIn", model: "[[http 403 x1]]", requests: 1, words: /: unexpected status 403/, waitsMs: HOLD },
  {
    ...{ failure: "notLoggedIn", requests: 0, words: /: Missing environment variable: `NOT_SET`/, waitsMs: HOLD },
    config: (right) => inProvider(right, 'env_key = "NOT_SET"'),
  },
  {
    ...{ failure: "notLoggedIn", model: "[[http 401 x2]]", requests: 2, waitsMs: HOLD },
    words: /: .*refresh token has expired. Please log out and sign in again/,
    config: (right) => inProvider(right, "requires_openai_auth = true"),
    login: expiredLogin,
  },
  { failure: "unknownModel", model: "[[http 404 x1]]", requests: 1, words: /: unexpected status 404/, waitsMs: HOLD },
  {
    ...{ failure: "unknownModel", requests: 1, words: /: no such model/, waitsMs: HOLD },
    model: '[[http 400 code=model_not_found message="no such model" x1]]',
  },
  {
    ...{ failure: "unknownModel", requests: 0, words: /: Error: Model provider `nope` not found/, waitsMs: HOLD },
    config: (right) => right.replace('model_provider = "scripted"', 'model_provider = "nope"'),
  },
  {
    ...{ failure: "quotaExceeded", requests: 1, words: /: Quota exceeded/, waitsMs: HOLD },
    model: "[[http 429 type=insufficient_quota code=insufficient_quota x1]]",
  },
  { failure: "quotaExceeded", model: "[[http 402 x1]]", requests: 1, words: /: unexpected status 402/, waitsMs: HOLD },
  {
    ...{ failure: "configuration", requests: 0, words: /: Error loading config/, waitsMs: HOLD },
    config: (right) => `${right}\n[[[\n`,
  },
  {
    ...{
      failure: "usageLimit",
      requests: 1,
      words: /: .*Try again at .*, 20\d\d /,
      waitsMs: [47.9 * HOUR_MS, 48 * HOUR_MS],
    },
    model: "[[http 429 type=usage_limit_reached resets-in=172800 x1]]",
  },
  {
    ...{
      failure: "usageLimit",
      requests: 1,
      words: /: .*Try again later/,
      waitsMs: [HOUR_MS / 2 - 20_000, HOUR_MS / 2],
    },
    model: "[[http 429 type=usage_limit_reached x1]]",
  },
];

/** Lets one workspace meet these failures, one after the other: a hold is for all tasks. */
async function meet(rows: readonly Row[]): Promise<readonly unknown[]> {
  const codex = await realCodex({ shellSnapshot: false });
  const script = `export CODEX_REFRESH_TOKEN_URL_OVERRIDE='${await refusingLoginServer()}'`;
  const workspace = await tempWorkspace({ codex: { home: codex.home, codexPath: wrappedCodex(codex, script) } });
  const settings = { maxAttempts: 1, maxWorkers: 2, retryBaseMs: RETRY_MS, retryMaxMs: RETRY_MS };
  workspace.commitSettings(settings);
  const [configPath, authPath] = [join(codex.home, "config.toml"), join(codex.home, "auth.json")];
  const right = readFileSync(configPath, "utf8");
  const holdPath = join(workspace.stateDir, "codex-hold.json");
  const coordinator = workspace.serve();

  const observed: unknown[] = [];
  for (const [index, { failure, model = "", config, login }] of rows.entries()) {
    const name = `${index} ${failure}`;
    if (config !== undefined) writeFileSync(configPath, config(right));
    if (login !== undefined) writeFileSync(authPath, login());
    workspace.drop(`meets-${index}/one.md`, `Meets ${name}. ${model} [[final: ok]]\n`);
    await coordinator.saw("breaker-open", index + 1);
    const heldMs = Date.now();
    const hold = JSON.parse(readFileSync(holdPath, "utf8"));
    workspace.drop(`other-${index}/two.md`, `Other ${name}. [[final: ok]]\n`);
    await coordinator.saw("accepted", 2 * index + 2);
    const listed = JSON.parse((await workspace.command("ls", "--json")).stdout).tasks;
    const requests = codex.requests.filter(({ userTexts }) => userTexts.at(-1)?.includes(name)).length;

    // Fixed: whatever was wrong with the files, and else any change of them.
    rmSync(authPath, { force: true });
    writeFileSync(configPath, `# ${index}\n${right}`);
    await coordinator.saw("breaker-closed", index + 1);
    await waitFor(() => workspace.results.tasks().length === 2 * index + 2, {
      what: `both tasks of ${name}`,
      timeoutMs: 30_000,
    });
    const results = [`Meets ${name}.`, `Other ${name}.`].map((text) => workspace.results.task(text).frontMatter);
    observed.push({
      ...{ failure: hold.failure, reason: hold.reason, waitsMs: hold.untilMs - heldMs, requests },
      held: listed.filter(({ status }: { status: string }) => status === "queued"),
      after: results.map(({ status, attempts, run }) => ({ status, attempts, run })),
    });
  }
  expect(existsSync(holdPath)).toBe(false);
  return observed;
}

/** Most of a row is waiting: for codex, and for the next look at its files. */
const SIDE_BY_SIDE = 4;

it.concurrent(
  "the real codex: what would meet every task holds them all, and they go on once it is fixed",
  beside(async () => {
    const parts = Array.from({ length: SIDE_BY_SIDE }, (_, part) => ROWS.filter((_, at) => at % SIDE_BY_SIDE === part));
    const observed = (await Promise.all(parts.map(meet))).flat();
    expect(observed).toEqual(
      parts.flat().map(({ failure, requests, words, waitsMs: [least, most] }) => ({
        ...{ failure, requests, reason: expect.stringMatching(words) },
        waitsMs: expect.toSatisfy((ms: number) => ms > least - 5_000 && ms <= most + 1_000, `${least} to ${most} ms`),
        held: ["meets", "other"].map(() =>
          expect.objectContaining({ status: "queued", attempts: 0, hold: expect.stringMatching(words) }),
        ),
        // The one that met it has run twice, at the cost of one attempt; the other has never met it.
        after: [2, 1].map((run) => ({ status: "succeeded", attempts: 1, run })),
      })),
    );
  }),
  180_000,
);

it.concurrent(
  "a coordinator that serves until nothing is left to do ends with 75 while tasks are held, and says why",
  beside(async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex });
    workspace.drop("docs/one.md", "One. [[http 429 type=usage_limit_reached resets-in=172800 x1]] [[final: ok]]\n");
    workspace.drop("docs/two.md", "Two. [[final: ok]]\n");
    await workspace.serveUntilIdle({ code: 75 });
    expect((await workspace.command("status")).stdout).toMatch(/: usage limit reached: .*Try again at/);
    const listed = JSON.parse((await workspace.command("ls", "--json")).stdout).tasks;
    expect(listed).toMatchObject([
      { status: "queued", attempts: 0, hold: expect.stringMatching(/^usage limit reached/) },
      { status: "queued", attempts: 0, hold: expect.stringMatching(/^behind /) },
    ]);
    // A limit outlives the restart: nothing is asked of the model.
    await workspace.serveUntilIdle({ code: 75 });
    expect(codex.requests).toHaveLength(1);
  }),
);

it.concurrent(
  "a login that is lost while serving holds all tasks, and they go on after the next one",
  beside(async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex });
    const authPath = join(codex.home, "auth.json");
    // Codex's own provider: the only one that needs a login. It asks six times before it believes a 401.
    const config = [`openai_base_url = "${codex.server.baseUrl}"`, "[features]", "plugins = false", ""].join("\n");
    writeFileSync(join(codex.home, "config.toml"), config);
    workspace.drop("docs/one.md", "One. [[http 401 x6]] [[final: ok]]\n");
    const refused = await workspace.serveUntilIdle({ code: 69 });
    expect(refused.log()).toContain("codex is not logged in (Not logged in): run `codex login`");

    const login = JSON.stringify({ OPENAI_API_KEY: "sk-test" });
    writeFileSync(authPath, login);
    workspace.commitSettings({ maxAttempts: 1, retryBaseMs: 1_000 });
    const coordinator = workspace.serve();
    await coordinator.saw("serving");
    rmSync(authPath);
    await coordinator.saw("breaker-open");
    expect(codex.requests).toHaveLength(6);
    workspace.drop("aside/two.md", "Two. [[final: ok]]\n");
    // When the time has come to try again, codex itself is asked first: no task goes to see.
    const gone = await coordinator.saw("codex-gone");
    expect(gone.field("reason")).toMatch(/^codex is not logged in/);
    expect(codex.requests).toHaveLength(6);
    writeFileSync(authPath, login);
    await coordinator.saw("breaker-closed");
    await waitFor(() => workspace.results.tasks().length === 2, { what: "both tasks", timeoutMs: 30_000 });
    for (const { frontMatter } of workspace.results.tasks())
      expect(frontMatter).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(codex.requests).toHaveLength(8);
  }),
  60_000,
);

function inProvider(config: string, line: string): string {
  return config.replace('wire_api = "responses"', `wire_api = "responses"\n${line}`);
}

/** In four sessions: one whose first task is done before the limit is met, one with a task behind its head, and two of a head alone. */
const TASKS = ["a/1", "a/2", "a/3", "b/1", "b/2", "c/1", "d/1"];
/** Long enough for a restart and some questions in between on a busy machine. Codex names the minute; the second stands in the thread's file. */
const LIMIT = "[[sleep 2000 x1]] [[http 429 type=usage_limit_reached resets-in=18 x1]]";

it.concurrent(
  "the tasks of four sessions meet a usage limit: all wait, over a kill, and each goes on once when it is over",
  { timeout: 90_000 },
  beside(async () => {
    const codex = await realCodex({ shellSnapshot: false });
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
    // The head of each session, and the others behind it; the run that met the limit is taken in beside all else.
    const waiting = await waitFor(
      async () => {
        const { stdout } = await workspace.command("ls", "--json");
        const listed: readonly { readonly hold: string }[] = JSON.parse(stdout).tasks;
        const found = listed.filter(({ hold }) => hold?.startsWith("usage limit reached"));
        return found.length === 4 ? found : undefined;
      },
      { what: "four tasks that wait for the limit", intervalMs: 100 },
    );
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
  }),
);
