import { existsSync } from "node:fs";
import { CoordinatorError } from "../base/errors.ts";
import type { Log } from "../base/surroundings.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import type { StopAnswer } from "./actions/tasks/request-stop.ts";
import type { Queries } from "./queries/queries.ts";
import type { UseCases } from "./use-cases.ts";

/** Opens the use cases of the workspace around `dir` (absolute). Each loads what it needs, and nothing of the others. */
export function openUseCases(dir: string, environment: NodeJS.ProcessEnv, log: Log): UseCases {
  const find = async (): Promise<WorkspacePlace> => {
    const { findWorkspace } = await import("../git/repository/workspace-place.ts");
    const [{ statePaths }, { refuseNewerState }] = await Promise.all([
      import("../store/state-paths.ts"),
      import("../store/formats.ts"),
    ]);
    const place = await findWorkspace(dir, (stateDir) => existsSync(statePaths(stateDir).server));
    refuseNewerState(place.stateDir);
    return place;
  };
  const paths = async () => (await import("../store/state-paths.ts")).statePaths((await find()).stateDir);
  let opened: Promise<Queries> | undefined;
  const queries = (): Promise<Queries> => {
    opened ??= Promise.all([find(), import("./queries/open-queries.ts")]).then(([place, { openQueriesHere }]) =>
      openQueriesHere(place, environment),
    );
    return opened;
  };
  const stop = async (part: string): Promise<StopAnswer> => {
    const [{ requestStop }, { stopTask }] = await Promise.all([
      import("./actions/tasks/request-stop.ts"),
      import("./actions/tasks/stop-task.ts"),
    ]);
    const [place, asked] = await Promise.all([find(), queries()]);
    try {
      return await requestStop(part, asked.find, (id) => stopTask(place, id));
    } catch (error) {
      unlessMissing(error);
      const id = await (await import("./actions/tasks/edit-task.ts")).cancelWaiting(place, part, asked, environment);
      if (id === undefined) throw error;
      return { task: { id, status: "queued" }, asked: true };
    }
  };
  return {
    init: async (options) => (await import("./actions/init.ts")).initWorkspace(dir, options),
    async serve(options) {
      const { trustNothingIn, workTreeAbove } = await import("./serve/trusted-path.ts");
      for (const tree of [dir, process.cwd()].map(workTreeAbove)) if (tree !== undefined) trustNothingIn(tree, log);
      const place = await find();
      trustNothingIn(place.topDir, log); // A home of code that lies elsewhere.
      const { serve } = await import("./serve/serve.ts");
      (await import("./serve/lean-heap.ts")).keepHeapLean();
      return serve(place, options, { environment, log });
    },
    async publish(text, keys = []) {
      const { composeSubmission } = await import("./actions/tasks/compose-submission.ts");
      const [{ publishDrop }, place] = await Promise.all([import("./actions/tasks/publish-drop.ts"), find()]);
      return publishDrop(place, composeSubmission(text, keys), environment);
    },
    async edit(part, change) {
      const [{ editTask }, place, asked] = await Promise.all([
        import("./actions/tasks/edit-task.ts"),
        find(),
        queries(),
      ]);
      return editTask(place, part, change, asked, environment);
    },
    async editable(part) {
      const [{ editableTask }, place, asked] = await Promise.all([
        import("./actions/tasks/edit-task.ts"),
        find(),
        queries(),
      ]);
      return editableTask(place, part, asked);
    },
    async editTo(id, before, after) {
      const [{ changeOf, editTask }, place] = await Promise.all([import("./actions/tasks/edit-task.ts"), find()]);
      return editTask(place, id, changeOf(before, after), await queries(), environment);
    },
    async thread(id, onHold) {
      const { awaitThread, taskChanges } = await import("./queries/tasks/await-thread.ts");
      const { addressOf, readServer } = await import("./queries/server-record.ts");
      const [asked, { server }] = await Promise.all([queries(), paths()]);
      const left = new AbortController();
      const deps = {
        find: () => asked.find(id).catch(unlessMissing),
        isServed: () => readServer(server) !== undefined,
        change: taskChanges(id, () => addressOf(readServer(server)), left.signal),
      };
      return awaitThread(id, deps, onHold).finally(() => left.abort());
    },
    stop,
    async drain(part) {
      const { drainSession, sessionInbox } = await import("./actions/sessions/drain-session.ts");
      const [place, asked] = await Promise.all([find(), queries()]);
      return drainSession(part, asked, sessionInbox(place, asked, environment), stop);
    },
    wait: async (parts, request) =>
      (await import("./actions/tasks/open-wait.ts")).waitHere(await find(), environment, parts, request),
    takeOver: async (part) => (await import("./actions/tasks/take-over-task.ts")).takeOverTask(await find(), part),
    async retry(part) {
      const [{ retryTask }, place, asked] = await Promise.all([
        import("./actions/tasks/retry-task.ts"),
        find(),
        queries(),
      ]);
      return retryTask(place, part, asked, environment);
    },
    sync: async () => (await import("./actions/sync-now.ts")).syncNow(await find(), environment),
    receiveHook: async () => (await import("./actions/sync-now.ts")).receiveHook(await find()),
    pause: async (request) =>
      (await import("./actions/sessions/pause-queue.ts")).pauseQueue(await paths(), request, Date.now()),
    resume: async (session, tryNow) =>
      (await import("./actions/sessions/pause-queue.ts")).resumeQueue(await paths(), session, Date.now(), tryNow),
    async archive(part, archived) {
      const [{ archiveSessionHere }, place, asked] = await Promise.all([
        import("./actions/sessions/archive-session.ts"),
        find(),
        queries(),
      ]);
      return archiveSessionHere(place, (await asked.session(part)).key, archived);
    },
    async land(part, repair) {
      const [{ landSessionHere }, place, asked] = await Promise.all([
        import("./actions/sessions/land-here.ts"),
        find(),
        queries(),
      ]);
      const { isDropped, publishDrop } = await import("./actions/tasks/publish-drop.ts");
      return landSessionHere(place, await asked.session(part), repair, environment, {
        find: async (id) => (isDropped(place, id) ? { status: "queued" } : asked.find(id).catch(unlessMissing)),
        file: async (text) => (await publishDrop(place, text, environment)).id,
      });
    },
    async attach(part, take) {
      const [{ attachHere }, place, asked] = await Promise.all([
        import("./actions/sessions/attach-here.ts"),
        find(),
        queries(),
      ]);
      return attachHere(place, await asked.session(part), take, environment);
    },
    async release(part) {
      const [{ releaseHere }, place, asked] = await Promise.all([
        import("./actions/sessions/attach-here.ts"),
        find(),
        queries(),
      ]);
      return releaseHere(place, await asked.session(part), environment);
    },
    compactTasks: async (force) => (await import("./actions/compact-tasks.ts")).compactTasks(await find(), force),
    worktrees: async (request) =>
      (await import("./actions/worktrees.ts")).askWorktrees(await find(), request, environment),
    scan: async (options) => (await import("./actions/scan.ts")).scanBranch(await find(), options, environment),
    async doctor(options, onChecked) {
      const { trustNothingIn, workTreeAbove } = await import("./serve/trusted-path.ts");
      for (const tree of [dir, process.cwd()].map(workTreeAbove)) if (tree !== undefined) trustNothingIn(tree, log);
      const place = await find();
      for (const tree of [place.topDir, place.workRoot]) trustNothingIn(tree, log);
      const { examineWorkspace } = await import("./doctor/examine.ts");
      return examineWorkspace(place, { ...environment, PATH: process.env.PATH }, options, onChecked);
    },
    async openPage(start) {
      const { trustNothingIn, workTreeAbove } = await import("./serve/trusted-path.ts");
      for (const tree of [dir, process.cwd()].map(workTreeAbove)) if (tree !== undefined) trustNothingIn(tree, log);
      const [{ openPage }, { stateDir }] = await Promise.all([import("./actions/open-page.ts"), find()]);
      return openPage(stateDir, start, { ...environment, PATH: process.env.PATH });
    },
    policy: async (change) => (await import("./actions/change-policy.ts")).policyOf(await find(), change),
    list: async (options) => (await queries()).list(options),
    lines: async (options) => (await queries()).lines(options),
    find: async (part) => (await queries()).find(part),
    show: async (part) => (await queries()).show(part),
    status: async () => (await queries()).status(),
    waiting: async () => (await queries()).waiting(),
    sessions: async (options) => (await queries()).sessions(options),
    session: async (key) => (await queries()).session(key),
    history: async (count) => (await queries()).history(count),
    diff: async (part, options) => (await queries()).diff(part, options),
    log: async (part, options) => (await queries()).log(part, options),
    async *followLog(part, options, signal) {
      const [{ openFollowing }, { followLog }] = await Promise.all([
        import("./log/open-following.ts"),
        import("./log/follow-log.ts"),
      ]);
      yield* followLog(openFollowing(await find(), environment), part, options, signal);
    },
    async *rawLog(part, options, signal) {
      const [{ rawLog }, { openRunLogHere }, { find: findTask }] = await Promise.all([
        import("./log/raw-log.ts"),
        import("./log/open-run-log.ts"),
        queries(),
      ]);
      yield* rawLog(() => findTask(part), await openRunLogHere(await find(), environment), options, signal);
    },
    retryText: async (part) => (await queries()).retryText(part),
  };
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof CoordinatorError) || error.code !== "NOT_FOUND") throw error;
}
