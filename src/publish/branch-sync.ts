import type { Log, Surroundings } from "../base/surroundings.ts";
import { worldFaultCode } from "../base/world-fault.ts";
import { RemoteError } from "../git/sync/remote-error.ts";
import type { InTheWay, SyncLink, SyncLinkOptions, SyncOutcome } from "../git/sync/sync-round.ts";
import type { SyncFields } from "../task/events/live-event.ts";

/** What the settings say of it; without `remote` there is no sync. */
export interface SyncSettings {
  readonly remote?: string | undefined;
  readonly branch?: string | undefined;
  readonly intervalMs: number;
  readonly sessions: boolean;
}

/** How the branch and its remote stand, as far as is known. Times are UTC, ISO 8601. */
export interface SyncState {
  readonly remote: string;
  readonly branch: string;
  /** The end of the last round that reached the remote. */
  readonly lastSync: string | null;
  /** Commits that the remote has not, and that the branch here has not; `null` until it is known. */
  readonly ahead: number | null;
  readonly behind: number | null;
  /** A round is under way. */
  readonly running: boolean;
  /** Why the remote cannot be used, or does not take what is here; it is tried again by itself. */
  readonly problem: { readonly reason: string; readonly since: string } | null;
  /** What keeps the branch here from following, and the command that helps where one does. */
  readonly inTheWay: {
    readonly reason: string;
    readonly paths: readonly string[];
    readonly command: string | null;
    readonly since: string;
  } | null;
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
  /** Looks at the settings: where they name a remote now, it is looked at now and then. Takes no time. */
  heed(): void;
  /** The branch has commits of ours: they are sent soon. */
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
/** The end of the coordinator waits no longer for the remote. */
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
  let failures = 0;
  let hasAsked = false;
  let lastSyncMs: number | undefined;
  let outcome: SyncOutcome | undefined;
  let problem: { readonly reason: string; readonly sinceMs: number } | undefined;
  let inTheWay: (InTheWay & { readonly sinceMs: number }) | undefined;

  const target = (): { readonly remote: string; readonly branch: string } | undefined => {
    const { remote, branch } = settings();
    return remote === undefined ? undefined : { remote, branch: branch ?? deps.branchName };
  };

  const current = (remote: string, branch: string): SyncLink => {
    const key = `${remote} ${branch}`;
    if (link?.key !== key) {
      link = { key, link: deps.open(remote, branch, { mayMove, onRemote: deps.onRemote }) };
      outcome = undefined;
      lastSyncMs = undefined;
    }
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

  const note = (reason: string | undefined): void => {
    if (reason !== problem?.reason) {
      if (reason !== undefined) log("sync-waits", { remote: target()?.remote, reason });
      else log("sync-goes-on", { remote: target()?.remote });
      tell(reason === undefined ? "goes-on" : "away", { reason: reason ?? null });
    }
    problem = reason === undefined ? undefined : { reason, sinceMs: problem?.sinceMs ?? surroundings.now() };
  };

  const noteObstacle = (found: InTheWay | undefined): void => {
    const isNew = found !== undefined && (found.why !== inTheWay?.why || found.paths.join() !== inTheWay.paths.join());
    if (isNew && found.command !== undefined)
      log("sync-in-the-way", { reason: found.why, paths: found.paths.join(" "), hint: found.command });
    if (isNew) tell("in-the-way", { reason: found.why, paths: found.paths, command: found.command ?? null });
    else if (found === undefined && inTheWay !== undefined) tell("goes-on");
    inTheWay = found && { ...found, sinceMs: isNew || inTheWay === undefined ? surroundings.now() : inTheWay.sinceMs };
  };

  async function round(): Promise<void> {
    const asked = target();
    if (asked === undefined) return;
    try {
      outcome = await current(asked.remote, asked.branch).round(aborter.signal);
      lastSyncMs = surroundings.now();
      failures = 0;
      note(outcome.refused);
      noteObstacle(outcome.inTheWay);
      if (outcome.pushed) tell("pushed");
      if (outcome.moved) {
        log("synced", { remote: asked.remote, branch: asked.branch, ahead: outcome.ahead, behind: outcome.behind });
        tell("fetched");
        deps.onMoved();
      }
    } catch (error) {
      if (aborter.signal.aborted) return;
      const isWorlds = error instanceof RemoteError || worldFaultCode(error) !== undefined || isSaid(error);
      if (!isWorlds) throw error;
      failures += 1;
      note(error instanceof Error ? error.message : String(error));
    }
  }

  const delayMs = (): number => {
    const { intervalMs } = settings();
    if (problem !== undefined) {
      const backOffMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(Math.max(0, failures - 1), 20));
      return intervalMs === 0 ? backOffMs : Math.min(Math.max(intervalMs, RETRY_FIRST_MS), backOffMs);
    }
    if (inTheWay !== undefined) return intervalMs === 0 ? IN_THE_WAY_MS : Math.min(intervalMs, IN_THE_WAY_MS);
    return intervalMs;
  };

  const isWanted = (): boolean =>
    target() !== undefined && (settings().intervalMs > 0 || problem !== undefined || inTheWay !== undefined);

  const schedule = (ms: number): void => {
    if (aborter.signal.aborted) return;
    const atMs = surroundings.now() + ms;
    if (timer !== undefined && timer.atMs <= atMs) return;
    timer?.cancel();
    const cancel = surroundings.after(ms, () => {
      timer = undefined;
      if (isWanted() || hasCommits) start();
    });
    timer = { cancel, atMs };
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
        if (again && !aborter.signal.aborted) start();
        else if (isWanted()) schedule(delayMs());
      });
    return underWay;
  };

  const state = (): SyncState | undefined => {
    const asked = target();
    if (asked === undefined) return undefined;
    return {
      ...asked,
      lastSync: timeOf(lastSyncMs),
      ahead: outcome?.ahead ?? null,
      behind: outcome?.behind ?? null,
      running: underWay !== undefined,
      problem: problem === undefined ? null : { reason: problem.reason, since: isoOf(problem.sinceMs) },
      inTheWay:
        inTheWay === undefined
          ? null
          : {
              ...{ reason: inTheWay.why, paths: inTheWay.paths, command: inTheWay.command ?? null },
              since: isoOf(inTheWay.sinceMs),
            },
    };
  };

  async function now(): Promise<SyncState | undefined> {
    if (target() === undefined) return undefined;
    await underWay;
    await start();
    return state();
  }

  return {
    heed() {
      if (timer === undefined && underWay === undefined && isWanted()) schedule(0);
    },
    noteCommits() {
      if (target() === undefined) return;
      hasCommits = true;
      schedule(SEND_MS);
    },
    now,
    isQuiet: () => !isWanted() || (hasAsked && underWay === undefined),
    async flush() {
      if (!isWanted() || problem !== undefined) return;
      let cancel = (): void => undefined;
      const late = new Promise<void>((resolve) => {
        cancel = surroundings.after(FLUSH_MS, resolve);
      });
      await Promise.race([now(), late]);
      cancel();
    },
    remote() {
      const asked = target();
      return asked === undefined ? undefined : current(asked.remote, asked.branch).remote;
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

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : isoOf(ms);
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
