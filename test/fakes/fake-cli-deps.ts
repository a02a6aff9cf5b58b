import type { InitOptions } from "../../src/app/actions/init.ts";
import { pauseQueue, resumeQueue } from "../../src/app/actions/sessions/pause-queue.ts";
import type { GivenKey } from "../../src/app/actions/tasks/compose-submission.ts";
import { requestStop } from "../../src/app/actions/tasks/request-stop.ts";
import type { Coordinator, Health } from "../../src/app/coordinator.ts";
import type { Queries } from "../../src/app/queries/queries.ts";
import type { ServeOptions } from "../../src/app/serve/serve.ts";
import type { UseCases } from "../../src/app/use-cases.ts";
import type { SessionView } from "../../src/app/views/session-list.ts";
import type { TaskView } from "../../src/app/views/task-view.ts";
import { CoordinatorError } from "../../src/base/errors.ts";
import type { CliDeps } from "../../src/cli/cli-deps.ts";
import { type Command, parseInput } from "../../src/cli/command.ts";
import { type StatePaths, statePaths } from "../../src/store/state-paths.ts";
import { changeBetween, type TaskChange } from "../../src/task/file/task-text.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/task/rights/policy.ts";
import { changePolicy, type PolicyChange } from "../../src/task/rights/policy-change.ts";

/** What a command did to the world, and what the world tells it. */
export interface FakeCliDeps extends Omit<CliDeps, "columns"> {
  columns: number | undefined;
  readonly printed: string[];
  readonly warned: string[];
  readonly published: string[];
  readonly stopped: string[];
  readonly served: ServeOptions[];
  readonly initialized: InitOptions[];
  readonly policyChanges: (PolicyChange | undefined)[];
  allowed: Policy;
  readonly publishedKeys: (readonly GivenKey[])[];
  readonly edited: { readonly part: string; readonly change: TaskChange }[];
  /** What the user makes of a text in their editor. */
  editor: (text: string) => string;
  /** Whether a coordinator is at work. */
  isServed: boolean;
  /** Standard input. */
  input: string;
  /** Exit code of `serve`. */
  exitCode: number;
  /** Where pauses are kept. */
  pauseDir: string | undefined;
  nowMs: number;
}

/** A terminal and use cases that remember what was asked of them; `change` answers instead. */
export function createFakeCliDeps(change: Partial<UseCases> = {}): FakeCliDeps {
  const deps: FakeCliDeps = {
    ...{ printed: [], warned: [], published: [], stopped: [], served: [], initialized: [], policyChanges: [] },
    ...{ publishedKeys: [], edited: [], editor: (text) => text, isServed: true },
    allowed: DEFAULT_POLICY,
    ...{ input: "", exitCode: 0, pauseDir: undefined, nowMs: 0 },
    app: { ...fakeUseCases(() => deps), ...change },
    currentDir: "/repo/docs",
    print: (line) => deps.printed.push(line),
    printStyled: (line) =>
      deps.printed.push(
        line
          .map(({ text }) => text)
          .join("")
          .trimEnd(),
      ),
    printData: (text) => deps.printed.push(text),
    columns: undefined,
    printText: (text) => deps.printed.push(text),
    warn: (line) => deps.warned.push(line),
    now: () => deps.nowMs,
    readInput: async () => deps.input,
    openShell: async (dir) => void deps.printed.push(`shell in ${dir}`),
    async edit(text, use) {
      const edited = deps.editor(text);
      return edited.trim() === "" || edited === text ? undefined : use(edited);
    },
  };
  return deps;
}

function fakeUseCases(deps: () => FakeCliDeps): UseCases {
  const paths = (): StatePaths => {
    const { pauseDir } = deps();
    if (pauseDir === undefined) throw new CoordinatorError("NOT_FOUND", "no workspace here");
    return statePaths(pauseDir);
  };
  return {
    ...fakeQueries(),
    async init(options) {
      deps().initialized.push(options);
      return ["Made it."];
    },
    async serve(options) {
      deps().served.push(options);
      return deps().exitCode;
    },
    openPage: async (start) => ({ link: "http://127.0.0.1:8787/sign-in?code=x", isOpened: start }),
    sync: async () => ({
      ...{ remote: "origin", branch: "main", lastSync: "2026-11-20T14:15:30.000Z", ahead: 0, behind: 0 },
      ...{ running: false, problem: null, inTheWay: null },
    }),
    receiveHook: async () => "#!/bin/sh\n",
    land: async (session) => ({
      ...{ session, branch: `codex-inbox/${session}`, target: "main", state: "nothing", head: null, commit: null },
      ...{ conflicts: [], why: null, command: null, repairTask: null, edited: null, left: null },
    }),
    attach: async (session, take) => ({
      ...{ session, branch: `codex-inbox/${session}`, dir: `/trees/${session}`, thread: null, resume: null },
      takenBy: take ? "ada" : null,
    }),
    release: async (session) => ({ session, released: true, edited: null, left: null }),
    archive: async (session, archived) => ({ session, archived, commit: "c".repeat(40) }),
    worktrees: async () => ({ worktrees: [], kept: [] }),
    compactTasks: async (force) => ({ commit: force ? "c".repeat(40) : undefined, rows: { before: 7, after: 3 } }),
    scan: async ({ branch = "HEAD", history }) => ({
      ...{ branch, history, scanned: { texts: 1, bytes: 10 }, findings: [], notScanned: [] },
    }),
    doctor: nothingHere,
    async publish(text, keys = []) {
      deps().published.push(text);
      deps().publishedKeys.push(keys);
      const id = "20261120-141530-k3f9x2";
      return { id, path: `inbox/${id}.md`, warnings: ["unknown key x"], served: deps().isServed };
    },
    async edit(part, change) {
      deps().edited.push({ part, change });
      return { id: "20261120-141530-k3f9x2", warnings: ["unknown key x"], waits: !deps().isServed };
    },
    editable: async () => ({ id: "20261120-141530-k3f9x2", text: "---\npriority: 1\n---\nFix it.\n" }),
    editTo: async (id, before, after) => deps().app.edit(id, changeBetween(before, after)),
    thread: async () => "01a1f950-5f71-7472-a9b5-7a2032cb912c",
    async policy(change) {
      deps().policyChanges.push(change);
      const before = deps().allowed;
      const shown = { path: "/w/.git/codex-inbox/policy.json", workRoot: "/w" };
      if (change === undefined) return { policy: before, ...shown };
      const changed = changePolicy(before, change);
      if ("problem" in changed) throw new CoordinatorError("USAGE", changed.problem);
      deps().allowed = changed.policy;
      return { policy: changed.policy, before, ...shown };
    },
    async *followLog() {
      yield* [];
    },
    async *rawLog() {
      yield* [];
    },
    stop: async (part) => requestStop(part, deps().app.find, (id) => void deps().stopped.push(id)),
    wait: nothingHere,
    drain: nothingHere,
    takeOver: nothingHere,
    retry: async () => {
      throw new CoordinatorError("NOT_FOUND", "nothing here");
    },
    pause: async (request) => pauseQueue(paths(), request, deps().nowMs),
    resume: async (session, tryNow) => resumeQueue(paths(), session, deps().nowMs, tryNow),
  };
}

/** Runs a command as the command line does. */
export async function runCommand(command: Command, ...argv: readonly string[]): Promise<number> {
  return command.run(parseInput(command, argv));
}

/** A finished task as every interface shows it; `change` says what is different. */
export function taskView(change: Partial<TaskView> = {}): TaskView {
  return {
    id: "20261120-141530-k3f9x2",
    sessionKey: "docs",
    title: "Fix the login",
    status: "succeeded",
    ...{ hold: null, holdUntil: null, holdRemedy: null, progress: null },
    run: 1,
    attempts: 1,
    priority: 2,
    acceptedAt: "2026-11-20T14:15:30.000Z",
    startedAt: "2026-11-20T14:15:31.000Z",
    endedAt: "2026-11-20T14:16:00.000Z",
    durationMs: 29_000,
    ...{ usage: null, totalUsage: null, totalDurationMs: null, commands: null, filesChanged: null },
    ...{ codexVersion: null, model: null },
    reason: null,
    failure: null,
    thread: null,
    result: "Done.",
    verification: null,
    followUpTask: null,
    parent: null,
    parentRun: null,
    origin: "cli",
    requestedBy: "ada",
    editedBy: null,
    changedFiles: [],
    changes: [],
    path: "sessions/docs/2026-11-20/20261120-141530-k3f9x2.md",
    committed: true,
    warnings: [],
    ...change,
  };
}

/** A session as every interface shows it; `change` says what is different. */
export function sessionView(change: Partial<SessionView> = {}): SessionView {
  return {
    key: "docs",
    state: "STOPPED",
    thread: null,
    archived: false,
    unlanded: null,
    paused: false,
    takenBy: null,
    tasks: { queued: 0, running: 0, succeeded: 1, failed: 0, cancelled: 0 },
    runs: 1,
    usage: { inputTokens: 100, cachedInputTokens: 40, outputTokens: 10, reasoningOutputTokens: 0 },
    durationMs: 29_000,
    commands: 3,
    lastActivityAt: "2026-11-20T14:16:00.000Z",
    ...change,
  };
}

async function nothingHere(): Promise<never> {
  throw new CoordinatorError("NOT_FOUND", "nothing here");
}

/** Answers nothing but what `change` says. */
function fakeQueries(change: Partial<Queries> = {}): Queries {
  const unexpected = nothingHere;
  return {
    list: unexpected,
    lines: unexpected,
    ...{ find: unexpected, show: unexpected },
    status: unexpected,
    waiting: async () => ({ inbox: null, broken: [] }),
    sessions: unexpected,
    session: unexpected,
    history: unexpected,
    ...{ log: unexpected, diff: unexpected },
    retryText: unexpected,
    ...change,
  };
}

/** A coordinator that does nothing but what `change` says. */
export function fakeCoordinator(change: Partial<Coordinator> = {}): Coordinator {
  const unexpected = (): Promise<never> => Promise.reject(new Error("not asked for"));
  return {
    ...fakeQueries(),
    ...{
      submit: unexpected,
      edit: unexpected,
      stop: unexpected,
      retry: unexpected,
      takeOver: unexpected,
      archive: unexpected,
    },
    ...{ land: unexpected, attach: unexpected, release: unexpected, sync: unexpected },
    ...{ pause: unexpected, resume: unexpected },
    health: () => ({ status: "ok" }) as Health,
    untilEnded: async () => undefined,
    show: async (part) => ({
      ...(await (change.find ?? unexpected)(part)),
      ...{ prompt: null, verificationOutput: null, commit: null, workplace: null },
    }),
    async *follow() {
      yield { seq: 1, texts: [] };
    },
    ...change,
  };
}
