import { localUserName } from "../base/local-user.ts";
import type { Log } from "../base/surroundings.ts";
import { createRunEvidence, type RunEvidence } from "../dispatch/run/run-evidence.ts";
import { type Acceptance, createAcceptance } from "../intake/acceptance.ts";
import { createDiskRoom, type DiskRoom } from "../intake/disk-room.ts";
import { createDropOrigins, type DropOrigins } from "../intake/drops/drop-origins.ts";
import { createRunDrops } from "../intake/drops/run-drops.ts";
import { createEdits, type Edits } from "../intake/edits.ts";
import type { Intake } from "../intake/inbox/intake.ts";
import { createInboxReconciler, type Hint, type InboxReconciler } from "../intake/inbox-reconciler.ts";
import { createQueueLimit, type QueueLimit } from "../intake/queue-limit.ts";
import type { BranchLedger } from "../store/branch/branch-ledger.ts";
import { createTaskFolders } from "../store/branch/task-folders.ts";
import { openDropReceipts } from "../store/drop-receipts.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import type { RecentTasks } from "../store/tasks/recent-tasks.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import type { CoordinatorDeps } from "./coordinator-deps.ts";

/** The way from a file, or a submission, to an accepted task. */
export interface IntakeStage {
  /** Name of the user that the coordinator runs as. */
  readonly user: string;
  readonly intake: Intake;
  readonly bound: QueueLimit;
  /** Nothing is taken before it was looked at. */
  readonly disk: DiskRoom;
  readonly evidence: RunEvidence;
  readonly origins: DropOrigins;
  readonly edits: Edits;
  readonly acceptance: Acceptance;
  readonly inbox: InboxReconciler;
}

/** What of the coordinator the intake stage works on. */
export interface IntakeGround {
  readonly table: TaskTable;
  readonly journal: TaskJournal;
  readonly recent: RecentTasks;
  readonly ledger: BranchLedger;
  /** Tasks whose runs are being prepared. */
  readonly starting: ReadonlySet<string>;
  readonly hint: Hint;
  /** Clones share a remote: what is in the branch has to be claimed before it runs. */
  readonly isShared: () => boolean;
  /** What is told of the queue as a whole. */
  readonly queueLog: Log;
  /** The inbox was looked at: these files cannot become tasks. */
  readonly onBroken: (paths: readonly string[]) => void;
}

/** Wires the intake stage of a coordinator. */
export function openIntakeStage(deps: CoordinatorDeps, ground: IntakeGround): IntakeStage {
  const { branch, surroundings, log, settings, paths, keeper, workspaceDir, sessions } = deps;
  const { table, journal, recent, ledger, starting, hint, isShared, onBroken, queueLog } = ground;
  const { now, monotonicMs } = surroundings;
  const user = localUserName();
  const rights = () => settings().run.rights;
  const intake = deps.intake(hint.mark, (notice) => log("inbox", { notice }));
  const disk = createDiskRoom({ dir: paths.root, settings, monotonicMs, onChange: hint.mark });
  const bound = createQueueLimit({ table, settings, now, log: queueLog, disk: disk.why });
  const receipts = openDropReceipts(paths.dropReceipts);
  receipts.prune(now());
  const evidence = createRunEvidence({ workspaceDir, dir: paths.runEvidence, surroundings, log });
  const runDrops = createRunDrops({ authors: evidence, table, recent, intake, log, rights: () => rights().widest });
  const origins = createDropOrigins({
    ...{ branch, receipts, runDrops, user, table, journal, rights, sessions },
    sandbox: () => settings().run.sandbox,
  });
  const edits = createEdits({ table, journal, starting, keeper, branch, intake, log, now, rights });
  const acceptance = createAcceptance({
    ...{ origins, runDrops, edits },
    ...{ table, recent, ledger, intake, branch, keeper, now, bound, settings, starting, log, receipts },
    folders: createTaskFolders(branch),
    ...{ clone: deps.clone, isShared },
  });
  const inbox = createInboxReconciler({ intake, acceptance, bound, branch, hint, keeper, log, now, onBroken });
  return { user, intake, bound, disk, evidence, origins, edits, acceptance, inbox };
}
