import type { Log, Surroundings } from "../base/surroundings.ts";
import { worldFaultCode } from "../base/world-fault.ts";
import { RemoteError } from "../git/sync/remote-error.ts";
import type { InTheWay, SyncLink, SyncLinkOptions } from "../git/sync/sync-round.ts";
import type { SyncFields } from "../task/events/live-event.ts";
import { type Findings, presentSync, type SyncState } from "./sync-state.ts";

/** What the settings say of it; without `remote` there is no sync. */
export interface SyncSettings {
  readonly remote?: string | undefined;
  readonly branch?: string | undefined;
  readonly intervalMs: number;
  readonly sessions: boolean;
}

export interface BranchSyncDeps {
  readonly settings: () => SyncSettings;
  /** The served branch, without `refs/heads/`. */
  readonly branchName: string;
  readonly open: (remote: string, branch: string, hooks: Pick<SyncLinkOptions, "mayMove" | "onRemote">) => SyncLink;
  /** The remote was read, or has taken the branch. */
  readonly onRemote: SyncLinkOptions["onRemote"];
  /** A task that may write is at work where files of the user's would move. */
  readonly isCheckoutBusy: () => boolean;
  /** The branch has moved: somebody has to look at it. */
  readonly onMoved: () => void;
  /** Something has come, gone, or stands between the two, or does no longer. */
  readonly onNews: (news: SyncFields) => void;
  /** A round has ended. */
  readonly onEnd: () => void;
  readonly surroundings: Pick<Surroundings, "now" | "after">;
  readonly log: Log;
  readonly onBroken: (error: unknown) => void;
}

/** Keeps the branch and its remote in step, beside everything else: nothing waits for it. */
export interface BranchSync {
  /**
   * Before anything runs in a clone that is new: brings the branches that sessions go on in, where the setting says that they travel. Gives up
   * after a while, and where the remote cannot be used: the next round tells of that.
   */
  prepare(): Promise<void>;
  /** Looks at the settings: where they name a remote now, it is looked at now and then. Takes no time. */
  heed(): void;
  /** The branch has commits of ours: they are sent soon, or when a remote that is away is asked again. */
  noteCommits(): void;
  /** Syncs now. Returns how it stands after a round that has begun after the call; `undefined` without a remote. */
  now(): Promise<SyncState | undefined>;
  /** The remote was asked since the start, where it is to be, and nothing is under way. */
  isQuiet(): boolean;
  /** Sends what is there before the end, where the remote could be reached the last time; gives up after a while. */
  flush(): Promise<void>;
  /** The remote of the settings as they are now; the same until they change. Takes no time. */
  remote(): SyncLink["remote"] | undefined;
  /** `undefined` without a remote. */
  state(): SyncState | undefined;
  stop(): Promise<void>;
}

/** Commits of ours that come soon after one another are sent together. */
const SEND_MS = 500;
/** The start of the coordinator waits no longer for it, … */
const PREPARE_MS = 10_000;
/** … and its end no longer than this. */
const FLUSH_MS = 15_000;
const RETRY_FIRST_MS = 2_000;
const RETRY_MAX_MS = 5 * 60_000;
/** While something is in the way of the user's making, or a run's. */
const IN_THE_WAY_MS = 5_000;
/** What a task changes is told from what the user changes meanwhile; but tasks may follow one another without end. */
const BUSY_MAX_MS = 10 * 60_000;

export function createBranchSync(deps: BranchSyncDeps): BranchSync {
  const { settings, surroundings, log } = deps;
  const aborter = new AbortController();
  let link: { readonly key: string; readonly link: SyncLink } | undefined;
  let underWay: Promise<void> | undefined;
  let again = false;
  /** Of ours, that no round has seen. */
  let hasCommits = false;
  let timer: { readonly cancel: () => void; readonly atMs: number } | undefined;
  let hasAsked = false;
  /** Of the remote and branch that the settings name; those of others are forgotten. */
  let found: { readonly key: string; readonly findings: Findings } | undefined;
  /** The settings that the timer was set by. */
  let heeded = "";

  const target = (): { readonly remote: string; readonly branch: string } | undefined => {
    const { remote, branch } = settings();
    return remote === undefined ? undefined : { remote, branch: branch ?? deps.branchName };
  };

  const keyOf = ({ remote, branch }: { readonly remote: string; readonly branch: string }): string =>
    `${remote} ${branch}`;

  const findings = (): Findings => {
    const asked = target();
    const key = asked === undefined ? "" : keyOf(asked);
    if (found?.key !== key) found = { key, findings: { failures: 0 } };
    return found.findings;
  };

  const current = (asked: { readonly remote: string; readonly branch: string }): SyncLink => {
    const key = keyOf(asked);
    if (link?.key !== key)
      link = { key, link: deps.open(asked.remote, asked.branch, { mayMove, onRemote: deps.onRemote }) };
    return link.link;
  };

  let busySinceMs: number | undefined;
  const mayMove = (): string | undefined => {
    if (!deps.isCheckoutBusy()) busySinceMs = undefined;
    else {
      busySinceMs ??= surroundings.now();
      if (surroundings.now() - busySinceMs < BUSY_MAX_MS) return "a task works in the checkout";
      busySinceMs = undefined;
    }
    return undefined;
  };

  const tell = (what: SyncFields["what"], more: Partial<SyncFields> = {}): void => {
    const asked = target();
    if (asked !== undefined) deps.onNews({ what, ...asked, reason: null, paths: [], command: null, ...more });
  };

  const note = (seen: Findings, remote: string, reason: string | undefined): void => {
    if (reason !== seen.problem?.reason) {
      if (reason !== undefined) log("sync-waits", { remote, reason });
      else log("sync-goes-on", { remote });
      tell(reason === undefined ? "goes-on" : "away", { reason: reason ?? null });
    }
    if (reason === undefined) delete seen.problem;
    else seen.problem = { reason, sinceMs: seen.problem?.sinceMs ?? surroundings.now() };
  };

  const noteObstacle = (seen: Findings, obstacle: InTheWay | undefined): void => {
    const before = seen.inTheWay;
    delete seen.inTheWay;
    if (obstacle === undefined && before !== undefined) tell("goes-on");
    if (obstacle === undefined) return;
    const { why, paths, command } = obstacle;
    const isNew = why !== before?.why || paths.join() !== before.paths.join();
    if (isNew && command !== undefined) log("sync-in-the-way", { reason: why, paths: paths.join(" "), hint: command });
    if (isNew) tell("in-the-way", { reason: why, paths, command: command ?? null });
    seen.inTheWay = { ...obstacle, sinceMs: isNew || before === undefined ? surroundings.now() : before.sinceMs };
  };

  async function round(): Promise<void> {
    const asked = target();
    if (asked === undefined) return;
    const seen = findings();
    try {
      const outcome = await current(asked).round(aborter.signal);
      const failures = outcome.refused === undefined ? 0 : seen.failures + 1;
      Object.assign(seen, { outcome, lastSyncMs: surroundings.now(), failures });
      note(seen, asked.remote, outcome.refused);
      noteObstacle(seen, outcome.inTheWay);
      if (outcome.pushed) tell("pushed");
      if (outcome.moved) {
        log("synced", { ...asked, ahead: outcome.ahead, behind: outcome.behind });
        tell("fetched");
        deps.onMoved();
      }
    } catch (error) {
      if (aborter.signal.aborted) return;
      const isWorlds = error instanceof RemoteError || worldFaultCode(error) !== undefined || isSaid(error);
      if (!isWorlds) throw error;
      seen.failures += 1;
      note(seen, asked.remote, error instanceof Error ? error.message : String(error));
    }
  }

  const delayMs = (): number => {
    const { intervalMs } = settings();
    const { problem, inTheWay, failures } = findings();
    if (problem !== undefined) {
      const backOffMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(Math.max(0, failures - 1), 20));
      return intervalMs === 0 ? backOffMs : Math.min(Math.max(intervalMs, RETRY_FIRST_MS), backOffMs);
    }
    if (inTheWay !== undefined) return intervalMs === 0 ? IN_THE_WAY_MS : Math.min(intervalMs, IN_THE_WAY_MS);
    return intervalMs;
  };

  const isWanted = (): boolean => {
    const { problem, inTheWay } = findings();
    return target() !== undefined && (settings().intervalMs > 0 || problem !== undefined || inTheWay !== undefined);
  };

  const schedule = (ms: number): void => {
    if (aborter.signal.aborted) return;
    const atMs = surroundings.now() + ms;
    if (timer !== undefined && timer.atMs <= atMs) return;
    timer?.cancel();
    const cancel = surroundings.after(ms, () => {
      timer = undefined;
      if (underWay === undefined && (isWanted() || hasCommits)) start();
    });
    timer = { cancel, atMs };
  };

  const unschedule = (): void => {
    timer?.cancel();
    timer = undefined;
  };

  /** A remote that cannot be used is asked in its own time, however much there is to send. */
  const send = (ms: number): void => {
    if (target() !== undefined && findings().problem === undefined) schedule(ms);
  };

  const start = (): Promise<void> => {
    if (underWay !== undefined) {
      again = true;
      return underWay;
    }
    again = false;
    hasCommits = false;
    underWay = round()
      .catch(deps.onBroken)
      .finally(() => {
        underWay = undefined;
        hasAsked = true;
        deps.onEnd();
        if (findings().problem !== undefined) unschedule(); // What was to be sent before it was known.
        if (again && target() !== undefined && !aborter.signal.aborted) start();
        else if (isWanted()) schedule(delayMs());
        if (hasCommits) send(0);
      });
    return underWay;
  };

  const state = (): SyncState | undefined => {
    const asked = target();
    return asked === undefined ? undefined : presentSync(asked, findings(), underWay !== undefined);
  };

  async function now(): Promise<SyncState | undefined> {
    if (target() === undefined) return undefined;
    await underWay;
    await start();
    return state();
  }

  async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = surroundings.after(ms, resolve);
    });
    await Promise.race([work, late]).finally(cancel);
  }

  return {
    async prepare() {
      const asked = target();
      if (asked === undefined || !settings().sessions) return;
      // What goes wrong is met and told by the first round.
      const prepared = current(asked).prepare(aborter.signal);
      await atMost(
        PREPARE_MS,
        prepared.catch(() => undefined),
      );
    },
    heed() {
      const asked = JSON.stringify([target(), settings().intervalMs]);
      if (asked !== heeded && heeded !== "") {
        unschedule();
        if (underWay !== undefined) again = true;
      }
      heeded = asked;
      if (timer === undefined && underWay === undefined && isWanted()) schedule(0);
    },
    noteCommits() {
      if (target() === undefined) return;
      hasCommits = true;
      send(SEND_MS);
    },
    now,
    isQuiet: () => !isWanted() || (hasAsked && underWay === undefined),
    async flush() {
      if (!isWanted() || findings().problem !== undefined) return;
      await atMost(FLUSH_MS, now());
    },
    remote() {
      const asked = target();
      return asked === undefined ? undefined : current(asked).remote;
    },
    state,
    async stop() {
      aborter.abort();
      timer?.cancel();
      await underWay;
    },
  };
}

/** What says itself what is wrong and what would be right: a setting of git's that is not safe. */
function isSaid(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "CONFIG";
}
