import type { LedgerRow } from "../../task/ledger/ledger.ts";
import type { Origin } from "../../task/rights/origin.ts";
import type { SessionFact } from "../../task/session/session-fact.ts";
import type { TranscriptEntry } from "../../task/session/transcript-entry.ts";
import type { ChangedFile, RunChange, RunContext, RunStart, RunVerdict, Usage } from "../../task/state/run.ts";
import type { TaskState } from "../../task/state/task-state.ts";
import type { Verification } from "../../task/state/verification.ts";
import type { WorkplaceChoice } from "../../task/workplace/choose-workplace.ts";
import type { WorkplaceLease } from "../../task/workplace/workplace-lease.ts";

/** Where a task came from. The same blob at the same path is the same drop until our commit that removes it is reached. */
export interface TaskSource {
  /** Relative to the workspace: "inbox/docs/typo.md". */
  readonly path: string;
  readonly blob: string;
  /** What git knew of the file when it was taken. */
  readonly tracked: "untracked" | "staged" | "head";
}

/** What was taken out of a drop before it was kept; absent where nothing was. */
export interface RedactedDrop {
  /** "github-token" */
  readonly kinds: readonly string[];
  /** The commit that brought it; `null` where no commit holds it. */
  readonly commit: string | null;
}

/** The run of an agent that left the file in inbox/ of which a task was made. */
export interface DroppedBy {
  readonly task: string;
  readonly run: number;
}

/** The thread that a run did not go on in, and why. */
export interface FreshThread {
  readonly instead: string;
  readonly why: string;
}

/** A verification that left something behind. */
export interface VerifyRecord {
  readonly k: "verify";
  readonly run: number;
  readonly verification: Verification;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly entries: readonly TranscriptEntry[];
}

/** The task that goes on where this one has failed, or why there is none although it was wanted. */
export type FollowUpRecord =
  | { readonly k: "follow-up"; readonly task: string }
  | { readonly k: "follow-up"; readonly task: null; readonly why: string };

/** Who has the task among the clones that share its remote. Of several records the last one counts. */
export type ClaimRecord =
  /** This clone. */
  | { readonly k: "claim"; readonly by: "us"; readonly generation: number; readonly atMs: number }
  /** This clone had it, until another one took it over. */
  | {
      readonly k: "claim";
      readonly by: "other";
      readonly clone: string;
      readonly name: string;
      readonly generation: number;
      readonly atMs: number;
    }
  /** Nobody need: no clones share this one's remote any more. */
  | { readonly k: "claim"; readonly by: "nobody" };

/** One line of a task's journal. The order of the lines is the order of events; `v` is the version of the format. */
export type JournalRecord =
  | {
      readonly k: "accepted";
      readonly v: 1;
      readonly id: string;
      readonly session: string;
      /** Where its file lies, or will: "sessions/docs/2026-11-20/141530-fix-login-k3f9x2.md". It stays when the title changes. */
      readonly path: string;
      /** Acceptance order within this workspace; strictly increasing. */
      readonly order: number;
      readonly atMs: number;
      /** The whole drop as it was read, without secrets. */
      readonly text: string;
      /** Sub-folder of inbox/ that named the session, for parsing `text` again. */
      readonly folderKey: string | null;
      readonly source: TaskSource | null;
      /** Id of the clone that accepted the task. */
      readonly clone: string;
      readonly droppedBy?: DroppedBy;
      readonly redacted?: RedactedDrop;
      /** Who asked. Absent in earlier versions. */
      readonly origin?: Origin;
      /** It runs here, and is taken out of inbox/ in the branch, only once this clone has its claim. */
      readonly needsClaim?: true;
    }
  | ClaimRecord
  | {
      /** The text of a task that has not begun: its drop was saved again, or somebody has edited it. */
      readonly k: "replaced";
      readonly atMs: number;
      readonly text: string;
      readonly folderKey: string | null;
      /** `null` after an edit: the drop, where there was one, is the one of before. So is `alias`. */
      readonly source: TaskSource | null;
      readonly alias: string | null;
      readonly droppedBy?: DroppedBy;
      readonly redacted?: RedactedDrop;
      readonly origin?: Origin;
    }
  | { readonly k: "state"; readonly state: TaskState; readonly row: LedgerRow }
  | {
      readonly k: "started";
      readonly run: number;
      readonly attempt: number;
      readonly atMs: number;
      readonly resume: string | null;
      readonly codex: string;
      /** Absent where the agent was told the prompt alone. */
      readonly context?: RunContext;
      /** How the shared checkout was before. Absent in earlier versions, and of a run that may not write there. */
      readonly before?: RunStart;
      /** It began a fresh thread where it would have resumed another one. */
      readonly fresh?: FreshThread;
      /** Where it works; absent: in the shared checkout. */
      readonly workplace?: WorkplaceLease;
      /** Why it works there. */
      readonly choice?: WorkplaceChoice;
    }
  | { readonly k: "thread"; readonly run: number; readonly thread: string }
  | {
      readonly k: "run";
      readonly run: number;
      readonly attempt: number;
      readonly verdict: RunVerdict;
      readonly startedAtMs: number;
      readonly endedAtMs: number;
      readonly entries: readonly TranscriptEntry[];
      readonly facts: readonly SessionFact[];
      readonly changedFiles: readonly ChangedFile[];
      /** The commit of that. Absent in earlier versions, and of a run that may not write. */
      readonly change?: RunChange;
      /** Of this run alone. */
      readonly usage: Usage | null;
    }
  | VerifyRecord
  | FollowUpRecord
  /** A commit of ours has taken the drop out of the branch. */
  | { readonly k: "drop-gone"; readonly commit: string }
  /** The branch has lost that commit and holds the drop again. */
  | { readonly k: "drop-back" }
  | { readonly k: "committed"; readonly commit: string; readonly blob: string | null };
