import { once } from "node:events";
import type { Coordinator, Health } from "../../src/app/coordinator.ts";
import type { StatusView } from "../../src/app/queries/queries.ts";
import type { SessionView } from "../../src/app/views/session-list.ts";
import type { TaskView } from "../../src/app/views/task-view.ts";
import { CoordinatorError } from "../../src/base/errors.ts";
import type { TranscriptBody } from "../../src/task/session/transcript-entry.ts";
import { fakeCoordinator, sessionView, taskView } from "../fakes/fake-cli-deps.ts";

/** What the page shows of a workspace that is made up. */
export interface Scene {
  readonly tasks: readonly TaskView[];
  readonly sessions: readonly SessionView[];
  readonly health?: Partial<Health>;
  readonly status?: Partial<StatusView>;
}

/** What an agent says and does. */
const LOG: readonly TranscriptBody[] = [
  { kind: "assistant", text: "I will look at `src/login.ts` and its tests first." },
  command("rg -n 'next' src test", 0, "src/login.ts:41: redirect(page)\ntest/login.test.ts:12: it('redirects')\n"),
  { kind: "files", status: "completed", changes: [{ path: "src/login.ts", change: "update" }] },
  command("npm test -- login", 1, "FAIL test/login.test.ts\n  expected '/' to be '/cart'\n"),
  { kind: "assistant", text: "One case is left: an address of another site must not be followed." },
  command("npm test -- login", 0, "Tests  14 passed (14)\n"),
];

function command(line: string, exitCode: number, output: string): TranscriptBody {
  return { kind: "command", command: line, exitCode, status: "completed", output, outputBytes: output.length };
}

const NO_PAUSES = { queue: null, sessions: [] };
const OPEN = ["queued", "running", "verifying", "stopping"];

/** A coordinator that shows `scene` and does nothing; lists in pages, by the same filters as a real one. */
export function sceneCoordinator({ tasks, sessions, health: more, status }: Scene): Coordinator {
  const count = (...statuses: readonly string[]): number =>
    tasks.filter((task) => statuses.includes(task.status)).length;
  const counts = { queued: count("queued"), running: count("running", "verifying", "stopping"), uncommitted: 0 };
  const health = {
    ...{ status: "ok", version: "0.1.0", workspace: "/home/ada/shop", branch: "main", pid: 4242 },
    ...{ startedAt: ago(7200), tasks: counts, committer: null, codex: null, sandbox: null, paused: NO_PAUSES },
    ...{ full: null, world: null, damaged: [], broken: [], configProblem: null, uncommittedSettings: null },
    ...{ newAuthors: [], draining: false, sync: null, claims: null, ...more },
  } as Health;
  const find = async (part: string): Promise<TaskView> => {
    const found = tasks.find(({ id }) => id.includes(part));
    if (found === undefined) throw new CoordinatorError("NOT_FOUND", `there is no task "${part}"`);
    return found;
  };
  return fakeCoordinator({
    health: () => health,
    find,
    show: async (part) => ({
      prompt: null,
      verificationOutput: null,
      commit: null,
      workplace: null,
      ...(await find(part)),
    }),
    sessions: async () => sessions,
    session: async (key) => sessions.find((one) => one.key === key) ?? sessionView({ key }),
    async log(part) {
      const { id: task, sessionKey: session, status: state, hold } = await find(part);
      const bodies = state === "queued" ? [] : LOG;
      const entries = bodies.map((body, index) => ({
        ...{
          v: 1 as const,
          task,
          run: 1,
          attempt: 1,
          line: index + 1,
          thread: null,
          time: ago(200 - index * 21),
          body,
        },
        ...(body.kind === "command" && { durationMs: 4_200 + index * 900 }),
      }));
      return { v: 1, task, session, status: state, hold, run: null, entries, leftOut: 0 };
    },
    async *follow(_, signal) {
      yield { seq: 1, texts: [] };
      await once(signal, "abort");
    },
    async list({ statuses: wanted = [], session, text, limit = 100, cursor = "0" }) {
      const word = text?.toLowerCase() ?? "";
      const all = tasks.filter(
        (task) =>
          (wanted.length === 0 || wanted.some((word) => word === task.status)) &&
          (session ?? task.sessionKey) === task.sessionKey &&
          `${task.title} ${task.id} ${task.sessionKey}`.toLowerCase().includes(word),
      );
      const next = Number(cursor) + limit;
      return { tasks: all.slice(Number(cursor), next), nextCursor: next < all.length ? String(next) : undefined };
    },
    status: async () =>
      ({
        ...{ workspace: health.workspace, branch: health.branch, health, codex: health.codex, paused: health.paused },
        server: { pid: health.pid, startedAt: health.startedAt, url: "http://127.0.0.1:8787" },
        tasks: counts,
        running: tasks.filter((task) => OPEN.includes(task.status) && task.status !== "queued"),
        ...{
          otherClones: 0,
          overlaps: [],
          unlanded: [],
          broken: health.broken,
          inbox: null,
          uncommittedSettings: null,
          ...status,
        },
      }) as StatusView,
  });
}

/** A time some seconds ago. */
function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1_000).toISOString();
}

let made = 0;

/** A task of a scene. */
export function sceneTask(title: string, change: Partial<TaskView> & Readonly<Record<string, unknown>>): TaskView {
  made += 1;
  const id = `20261121-${String(140_000 + made).padStart(6, "0")}-${(made * 7919).toString(36).padStart(6, "k")}`;
  const isOpen = OPEN.includes(change.status ?? "");
  return taskView({
    ...{ id, title, acceptedAt: ago(900), startedAt: ago(600), endedAt: isOpen ? null : ago(300) },
    ...{ durationMs: isOpen ? null : 184_000, totalDurationMs: isOpen ? null : 184_000, committed: !isOpen },
    ...{ result: isOpen ? null : "Done.", thread: "01a1f950-5f71-7472-a9b5-7a2032cb912c" },
    path: `sessions/${change.sessionKey ?? "docs"}/2026-11-21/${id}.md`,
    ...change,
  });
}

const ANSWER = `The redirect lost its \`next\` parameter because \`login()\` built the address by hand.

## What I changed

- \`src/login.ts\` uses \`URL\` and keeps the query
- two tests cover the cases: **with** and **without** a target

| case | before | after |
| --- | --- | --- |
| \`/login?next=/cart\` | \`/\` | \`/cart\` |
| \`/login\` | \`/\` | \`/\` |

\`\`\`ts
const target = new URL(request.query.next ?? "/", origin);
\`\`\`
`;

const USAGE = { inputTokens: 184_200, cachedInputTokens: 120_000, outputTokens: 6_400, reasoningOutputTokens: 900 };

export function busyScene(): Scene {
  const progress = (command: string | null, last: string, seconds: number): Record<string, unknown> => ({
    progress: {
      ...{ kind: "agent", startedAt: ago(100), lastEventAt: ago(seconds), last, command, commandSince: ago(seconds) },
      ...{ commands: 4, usage: { ...USAGE, inputTokens: 41_000 } },
    },
  });
  const tasks = [
    sceneTask("Keep the cart when somebody signs in", {
      status: "running",
      sessionKey: "shop",
      startedAt: ago(134),
      ...progress("npm test -- cart", "ran npm run lint", 9),
    }),
    sceneTask("Write the release notes for 2.4", {
      status: "running",
      sessionKey: "docs",
      startedAt: ago(41),
      ...progress(null, "I will read the history since the last tag first.", 3),
    }),
    sceneTask("Update the payment client to v9", {
      status: "verifying",
      sessionKey: "payments",
      startedAt: ago(815),
      ...progress("npm run test:integration", "", 62),
    }),
    sceneTask("Remove the old checkout page", {
      status: "queued",
      sessionKey: "shop",
      hold: "session shop is busy",
      acceptedAt: ago(1500),
    }),
    sceneTask("Translate the new pages", {
      status: "queued",
      sessionKey: "docs",
      hold: "waits for 20261121-140002-kkk45z (running)",
      acceptedAt: ago(1200),
    }),
    sceneTask("Rotate the staging keys", {
      status: "queued",
      sessionKey: "ops",
      hold: "not before 2026-11-22 06:00",
      acceptedAt: ago(800),
    }),
    sceneTask("Explain the flaky test in billing", {
      status: "queued",
      sessionKey: "billing",
      hold: null,
      acceptedAt: ago(20),
    }),
    sceneTask("Move the image pipeline to sharp 1.0", {
      status: "failed",
      sessionKey: "media",
      failure: "verification",
      reason: "verification failed: npm test ended with exit code 1",
      endedAt: ago(2400),
      verification: { command: "npm test", outcome: "failed", exitCode: 1, durationMs: 38_000 },
      verificationOutput:
        "FAIL test/resize.test.ts > keeps the orientation\n  expected 90 to be 0\n\nTests  1 failed | 212 passed (213)\n",
    }),
    sceneTask("Summarise last week's incidents", {
      status: "failed",
      sessionKey: "ops",
      failure: "timedOut",
      reason: "timed out after 30 min (timeoutMs)",
      endedAt: ago(9000),
    }),
    sceneTask("Fix the login redirect", {
      status: "succeeded",
      sessionKey: "shop",
      result: ANSWER,
      endedAt: ago(3000),
      totalUsage: USAGE,
      model: "gpt-5-codex",
      verification: { command: "npm test", outcome: "passed", exitCode: 0, durationMs: 41_000 },
      verificationOutput: "Tests  213 passed (213)\n",
      changedFiles: [
        { path: "src/login.ts", change: "update", by: "patch" },
        { path: "test/login.test.ts", change: "update", by: "patch" },
        { path: "test/fixtures/next.json", change: "add", by: "other" },
      ],
      prompt:
        "# Fix the login redirect\n\nAfter signing in, `?next=` is ignored. Keep it, for addresses of ours alone.",
      commit: "3f2c1b9",
    }),
    ...[
      "Name the units in the API reference",
      "Drop Node 20 from CI",
      "Find the slow query on /orders",
      "Add a health check to the worker",
      "Sort the imports of packages/ui",
      "Draft the post-mortem of the 12th",
    ].map((title, index) =>
      sceneTask(title, {
        status: "succeeded",
        sessionKey: ["docs", "ops", "billing", "ops", "shop", "ops"][index] ?? "docs",
        endedAt: ago(4000 + index * 5200),
        result: "I looked through it, changed what was needed, and the tests pass.",
      }),
    ),
  ];
  const session = (key: string, change: Partial<SessionView> = {}): SessionView =>
    sessionView({ key, lastActivityAt: ago(60), ...change });
  const counts = { queued: 0, running: 0, succeeded: 4, failed: 0, cancelled: 0 };
  const sessions = [
    session("shop", { tasks: { ...counts, running: 1, queued: 1 }, unlanded: unlanded("shop", 3, 1) }),
    session("docs", {
      tasks: { ...counts, running: 1, queued: 1 },
      unlanded: {
        ...unlanded("docs", 1, 4),
        conflicts: ["docs/release.md", "CHANGELOG.md"],
        overlaps: [{ session: "shop", paths: ["docs/cart.md"] }],
      },
    }),
    session("payments", { tasks: { ...counts, running: 1 } }),
    session("ops", { tasks: { ...counts, queued: 1 } }),
    session("billing", { tasks: { ...counts, queued: 1 }, paused: true }),
    session("media", { paused: true, takenBy: "ada", unlanded: unlanded("media", 2, 0) }),
    session("experiments/embedding-search"),
  ];
  const sync: Health["sync"] = {
    ...{ remote: "origin", branch: "main", lastSync: ago(75), ahead: 3, behind: 1, running: false },
    ...{ problem: null, inTheWay: null },
  };
  return { tasks, sessions, health: { sync, claims: { held: 2, elsewhere: 1, problem: null } } };
}

function unlanded(slug: string, ahead: number, behind: number): NonNullable<SessionView["unlanded"]> {
  const [branch, tip] = [`codex-inbox/${slug}-1a2b3c`, slug.padEnd(40, "0")];
  return { branch, tip, committedAt: ago(1900), ahead, behind, conflicts: [], overlaps: [] };
}

export function brokenScene(): Scene {
  const scene = busyScene();
  const codex = {
    reason: "codex is not logged in: run codex login",
    since: ago(1300),
    until: new Date(Date.now() + 600_000).toISOString(),
  };
  return {
    sessions: scene.sessions,
    tasks: scene.tasks
      .filter(({ status }) => status === "queued" || status === "failed")
      .map((task) => (task.status === "queued" ? { ...task, hold: "codex is not logged in" } : task)),
    health: {
      ...{ status: "waiting", codex, broken: ["inbox/release.md", "inbox/docs/typo.md"] },
      paused: { queue: { since: ago(400), reason: "release at 15:00", takenBy: null }, sessions: [] },
      committer: { since: ago(90), reason: "git rebase is under way in this checkout" },
      sync: {
        ...{ remote: "origin", branch: "main", lastSync: ago(4_000), ahead: 12, behind: 2, running: false },
        problem: { reason: "the remote origin cannot be reached (Connection timed out)", since: ago(3_900) },
        inTheWay: {
          ...{ reason: "files differ from the branch", paths: ["src/login.ts"], since: ago(3_950) },
          command: "git -C /home/ada/shop pull --no-rebase origin main",
        },
      },
      world: { since: ago(30), reason: "no space left on the device; free some" },
    },
  };
}

export const EMPTY_SCENE: Scene = { tasks: [], sessions: [] };
