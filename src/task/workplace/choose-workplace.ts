/** What a task may ask for: `auto` lets the score decide. */
export const WORKTREE_CHOICES = ["always", "never", "auto"] as const;

export type WorktreeChoice = (typeof WORKTREE_CHOICES)[number];

/** Where tasks work that do not say: each session in a worktree of its own, or all in the shared checkout. */
export const WORKPLACES = ["session", "shared"] as const;

export type WorkplaceSetting = (typeof WORKPLACES)[number];

/** What the choice of a workplace depends on, as it is at that moment. */
export interface WorkplaceFacts {
  /** `undefined`: the task does not say. */
  readonly choice: WorktreeChoice | undefined;
  readonly setting: WorkplaceSetting;
  /** The session has a branch of its own that holds work which is not landed: it goes on there. */
  readonly hasBranch: boolean;
  /** The run can write nothing. */
  readonly isReader: boolean;
  /** Its working directory lies outside of the repository. */
  readonly isOutside: boolean;
  readonly hasLocks: boolean;
  /** What is checked out is to be merged into its session's branch. */
  readonly isMerge: boolean;
  /** The shared checkout has as many writers as it may have. */
  readonly isSharedTaken: boolean;
  /** From 0 to 1: the share of its likely paths that other open work touches. */
  readonly overlap: number;
  /** The user has uncommitted changes. */
  readonly isDirty: boolean;
  /** `undefined`: no limit. */
  readonly timeoutMs: number | undefined;
  readonly hasVerify: boolean;
  /** From 1. */
  readonly attempt: number;
  /** What a new worktree would take, in milliseconds; 0 where nobody has measured it yet. */
  readonly openingMs: number;
}

/** One reason for or against a worktree. */
export interface WorkplaceTerm {
  readonly name: string;
  readonly points: number;
  /** For people. */
  readonly why: string;
}

export interface WorkplaceChoice {
  readonly kind: "shared" | "worktree";
  readonly score: number;
  readonly terms: readonly WorkplaceTerm[];
}

/** From this score on a task gets a worktree. */
const WORKTREE_SCORE = 50;

const CERTAIN = 100;
const LONG_MS = 600_000;
const COST_POINTS_MAX = 40;
const COST_MS_PER_POINT = 3_000;

/** Returns where a task is to work, and why, term by term. */
export function chooseWorkplace(facts: WorkplaceFacts): WorkplaceChoice {
  const terms = termsOf(facts);
  const score = terms.reduce((sum, { points }) => sum + points, 0);
  return { kind: score >= WORKTREE_SCORE ? "worktree" : "shared", score, terms };
}

function termsOf(facts: WorkplaceFacts): readonly WorkplaceTerm[] {
  if (facts.isOutside) return [term("outside", 0, "it works outside of the repository")];
  if (facts.isMerge) return [term("merge", CERTAIN, "it settles a merge, which takes a worktree (merge: true)")];
  if (facts.choice === "never") return [term("never", 0, "a worktree is not wanted (worktree: never)")];
  if (facts.hasBranch) return [term("branch", CERTAIN, "its session has work on a branch of its own")];
  if (facts.choice === "always") return [term("always", CERTAIN, "a worktree is wanted (worktree: always)")];
  if (facts.choice === undefined) return [termOfSetting(facts.setting)];
  if (facts.isReader) return [term("reader", 0, "it can write nothing (sandbox: read-only)")];
  if (facts.hasLocks) return [term("locks", CERTAIN, "it keeps paths to itself until they are landed (locks)")];
  if (facts.isSharedTaken) return [term("taken", CERTAIN, "another session writes to the shared checkout")];
  return weighed(facts).filter(({ points }) => points !== 0);
}

function termOfSetting(setting: WorkplaceSetting): WorkplaceTerm {
  return setting === "session"
    ? term("setting", CERTAIN, "each session has a worktree here (workplace: session)")
    : term("setting", 0, "all work in the same checkout here (workplace: shared)");
}

function weighed(facts: WorkplaceFacts): readonly WorkplaceTerm[] {
  const { overlap, isDirty, timeoutMs, hasVerify, attempt, openingMs } = facts;
  const cost = Math.min(COST_POINTS_MAX, Math.round(openingMs / COST_MS_PER_POINT));
  return [
    term("overlap", Math.round(40 * overlap), "other open work touches the same paths"),
    term("dirty", isDirty ? 20 : 0, "the checkout has uncommitted changes"),
    term("long", (timeoutMs ?? Number.POSITIVE_INFINITY) > LONG_MS ? 15 : 0, "it may run for more than ten minutes"),
    term("verify", hasVerify ? 15 : 0, "what it leaves is verified"),
    term("again", attempt > 1 ? 10 : 0, "an earlier attempt has failed"),
    term("cost", -cost, "a worktree takes time to make"),
  ];
}

function term(name: string, points: number, why: string): WorkplaceTerm {
  return { name, points, why };
}
