import type { BrokenDrop, Drop, InboxScan } from "../../task/file/drop.ts";
import { DEFAULT_RIGHTS, type Rights } from "../../task/rights/rights.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import { createClaims, type LeftClaim } from "./claim/claim.ts";
import { createErrorReports } from "./error-reports.ts";
import { createScanner, type DetailedScan } from "./inbox-scan.ts";
import { NOTICES_MAX, SCAN_LIMITS, type ScanLimits } from "./limits.ts";
import { createInboxWatch } from "./watch/inbox-watch.ts";

export interface IntakeOptions {
  /** Absolute; inbox/ lies in it. */
  readonly workspaceDir: string;
  /** Absolute; claims lie in its `accepting/`. May be on another file system than the workspace. */
  readonly stateDir: string;
  /** How long size and time of a file must rest before it is taken. */
  readonly settleMs: number;
  /** How often to look without a hint. */
  readonly rescanMs: number;
  readonly now: () => number;
  /** Tells whether the file at this path need not rest: nobody is writing it. */
  readonly isWhole?: (path: string) => boolean;
  readonly hashBlob: (bytes: Uint8Array) => string;
  readonly keeper: Pick<Keeper, "keep">;
  readonly onHint: () => void;
  /** Each message once. */
  readonly onNotice: (message: string) => void;
  /** What tasks may ask for: the same object until it changes, and then everything is judged anew. The defaults, if not given. */
  readonly rights?: () => Rights;
  readonly limits?: Partial<ScanLimits>;
}

/**
 * The way of a file from inbox/ to the journal. The scan is the truth; a hint only says that it may be time for one.
 * A drop is taken in two steps: `claim` moves the file out of inbox/, and once the task is in the journal `release` ends the claim.
 */
export interface Intake {
  /** Begins to hint: at once, when something may have changed, and every `rescanMs`. */
  start(): Promise<void>;
  /** Looks at inbox/. A notice is in the result when its reason appears, and again only after that had gone away. */
  scan(): Promise<InboxScan>;
  /**
   * Takes a drop for good: exactly one caller (of any process) gets it. What comes back is what is held, read again.
   * `undefined`: somebody else took it, or it is gone, or it cannot be moved (a notice says why). `"changed"`: it is not
   * the one that was scanned or is no longer valid; it was put back and settles anew. A file named after its id is exchanged
   * by rename, so a changed one is whole and taken.
   *
   * @param isFree is asked at the last moment; when it says no, the drop stays where it is and the answer is `"changed"`
   */
  claim(drop: Drop, id: string, isFree?: () => boolean): Promise<Drop | "changed" | undefined>;
  /**
   * Ends a claim whose task is in the journal. What was written into the file after it was read goes back into inbox/, as if
   * saved again.
   */
  release(id: string): Promise<void>;
  /**
   * Returns the claims that a crash left behind, in the order of their ids, after putting back what no longer validates. To be
   * called at start, before the first claim.
   *
   * @param isJournaled says for which ids there is nothing left to do: their claims are released
   */
  leftClaims(isJournaled?: (id: string) => boolean): Promise<readonly LeftClaim[]>;
  /** Ends a claim without accepting it: the file goes back, never over a newer one of its name. */
  putBack(id: string): Promise<void>;
  /** Says of a drop of the last scan why it is not taken: it counts as broken until it is changed, or what tasks may ask for is. */
  refuse(broken: BrokenDrop): void;
  /** Makes the error files match `broken`: one per broken file, none of ours for others. Files that are not ours stay as they are. */
  reportBroken(broken: readonly BrokenDrop[]): Promise<void>;
  stop(): Promise<void>;
}

/** Returns the intake of one workspace. */
export function createIntake(options: IntakeOptions): Intake {
  const { workspaceDir, stateDir, hashBlob } = options;
  const onNotice = once(options.onNotice);
  const watch = createInboxWatch({ workspaceDir, rescanMs: options.rescanMs, onHint: options.onHint, onNotice });
  const { rights = () => DEFAULT_RIGHTS } = options;
  const scanner = createScanner({ ...options, rights, limits: { ...SCAN_LIMITS, ...options.limits } });
  const claims = createClaims({ workspaceDir, stateDir, hashBlob, rights, keeper: options.keeper, onNotice });
  const reports = createErrorReports({ workspaceDir, keeper: options.keeper, onNotice });
  const inTurn = createTurnTaking();
  let last: DetailedScan = NOTHING_SEEN;
  let said: ReadonlySet<string> = new Set();
  return {
    async start() {
      watch.start();
    },
    scan: () =>
      inTurn(async () => {
        last = await scanner.scan();
        const notices = last.notices.filter((notice) => !said.has(notice));
        said = new Set(last.notices);
        const { drops, broken, settledAtMs } = last;
        return { drops, broken, settledAtMs, notices };
      }),
    claim: (drop, id, isFree = () => true) => claims.claim(drop, id, isFree),
    release: (id) => claims.release(id),
    leftClaims: (isJournaled = () => false) => claims.left(isJournaled),
    putBack: (id) => claims.putBack(id),
    refuse: scanner.refuse,
    reportBroken: (broken) => inTurn(() => reports.report(broken, last)),
    async stop() {
      await watch.stop();
      await inTurn(async () => undefined);
    },
  };
}

const NOTHING_SEEN: DetailedScan = {
  drops: [],
  broken: [],
  settledAtMs: undefined,
  notices: [],
  errorFiles: [],
  undecided: [],
};

/** Returns a function that runs one piece of work at a time, in the order of the calls. */
function createTurnTaking(): <Value>(work: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined); // Whoever asked for it hears of it.
    return mine;
  };
}

/** Returns a function that passes each message on once. */
function once(say: (message: string) => void): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (said.has(message)) return;
    if (said.size >= NOTICES_MAX) said.clear();
    said.add(message);
    say(message);
  };
}
