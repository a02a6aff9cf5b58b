/**
 * Why a run did not succeed, as a closed set: every way codex can end has a name, and every name has a policy. What is the
 * evidence for each is the business of src/run/codex; what follows from it is written here and nowhere else (docs/spec-failures.md).
 */
export type FailureKind =
  | "badRequest"
  | "configuration"
  | "codexUnavailable"
  | "notLoggedIn"
  | "unknownModel"
  | "usageLimit"
  | "quotaExceeded"
  | "rateLimited"
  | "overloaded"
  | "serverError"
  | "connection"
  | "contextWindow"
  | "incomplete"
  | "contentRefused"
  | "promptRefused"
  | "threadNotFound"
  | "threadBusy"
  | "threadForeign"
  | "threadMismatch"
  | "sandboxDenied"
  | "sandboxUnavailable"
  | "crashed"
  | "outputUnusable"
  | "killed"
  | "vanished"
  | "timedOut"
  | "stalled"
  | "printedTooMuch"
  | "stopped"
  | "verification"
  | "verifyUnavailable"
  | "mergeUnsettled"
  | "unknown";

export interface Failure {
  readonly kind: FailureKind;
  /** In codex's words where it said something; one bounded line, empty where there is nothing to say. */
  readonly detail: string;
  /** Before this time (Unix ms) another run is of no use, as far as codex said one. */
  readonly untilMs: number | undefined;
}

/**
 * What is done about a failure.
 *
 * - `fail`: the task ends; the same run would meet the same end
 * - `retry`: the task runs again after a growing delay, until its attempts are used up
 * - `again`: the task runs again, but not for ever: a run that was lost says nothing about the task
 * - `freshThread`: the task goes on in a new thread of its session, which is told what was said before
 * - `wait`: the task alone waits, ever longer, until the thread is free
 * - `repair`: the agent goes on at once in the same thread and is told what failed, up to a number of verifications
 * - `park`: nothing starts until the time codex named; then one task goes first
 * - `hold`: nothing starts until somebody has changed something; one task goes first now and then, to see
 */
export type Remedy = "fail" | "retry" | "again" | "freshThread" | "wait" | "repair" | "park" | "hold";

export interface FailurePolicy {
  readonly remedy: Remedy;
  /** Whether the run counts against the task's attempts: what is not its own doing does not. */
  readonly costsAttempt: boolean;
  /** For the user: the beginning of a reason, which codex's own words follow. */
  readonly sentence: string;
}

/** Every kind of failure, in the order of docs/spec-failures.md. */
export const FAILURE_POLICIES: Readonly<Record<FailureKind, FailurePolicy>> = {
  badRequest: fails("the model's server refused the request"),
  configuration: holds("codex cannot work with its configuration"),
  codexUnavailable: { remedy: "again", costsAttempt: false, sentence: "codex could not be run" },
  notLoggedIn: holds("codex is not logged in"),
  unknownModel: holds("the model or its provider is not known"),
  usageLimit: { remedy: "park", costsAttempt: false, sentence: "usage limit reached" },
  quotaExceeded: holds("the account has no quota left"),
  rateLimited: retries("too many requests"),
  overloaded: retries("the model is overloaded"),
  serverError: retries("the model's server failed"),
  connection: retries("no connection to the model"),
  contextWindow: { remedy: "freshThread", costsAttempt: false, sentence: "the thread outgrew the context window" },
  incomplete: retries("the answer was cut off"),
  contentRefused: fails("the model refused the content"),
  promptRefused: fails("codex refused the prompt"),
  threadNotFound: { remedy: "freshThread", costsAttempt: false, sentence: "codex does not have the thread" },
  threadBusy: { remedy: "wait", costsAttempt: false, sentence: "another process writes to the thread" },
  threadForeign: { remedy: "freshThread", costsAttempt: false, sentence: "the thread belongs to another provider" },
  threadMismatch: fails("codex opened another thread"),
  sandboxDenied: fails("the sandbox did not allow it"),
  sandboxUnavailable: { remedy: "again", costsAttempt: false, sentence: "codex's sandbox does not work" },
  crashed: retries("codex crashed"),
  outputUnusable: fails("the output cannot be used"),
  killed: { remedy: "again", costsAttempt: false, sentence: "the run was interrupted" },
  vanished: { remedy: "again", costsAttempt: false, sentence: "the worker vanished" },
  timedOut: retries("timed out"),
  stalled: retries("stalled"),
  printedTooMuch: retries("printed too much"),
  stopped: fails("stopped by the user"),
  verification: { remedy: "repair", costsAttempt: false, sentence: "verification failed" },
  verifyUnavailable: fails("the verify command could not be run"),
  mergeUnsettled: retries("the merge is not settled"),
  unknown: fails("failed for an unknown reason"),
};

/** What a task decides for itself, so that only the task is to blame for it. */
export interface OwnChoices {
  /** It names the model, or settings of codex. */
  readonly model: boolean;
  /** It names the thread: no other one is what it asked for. */
  readonly thread: boolean;
  /** The run went on in a thread that was there before. */
  readonly resumed: boolean;
  /** Other tasks got through since it met the same end. */
  readonly alone: boolean;
}

/**
 * Returns the policy for `kind` in a run with these choices. A model that only one task asks for does not stop the others; a
 * task that meets alone what would hold all is not waited for; a
 * thread that the task names is not replaced; and a thread that was new already is begun anew at the cost of an attempt, since
 * that can go on for ever.
 */
export function failurePolicy(kind: FailureKind, own: OwnChoices): FailurePolicy {
  const policy = FAILURE_POLICIES[kind];
  if (own.model && (kind === "unknownModel" || kind === "configuration")) return fails(policy.sentence);
  if (own.alone && policy.remedy === "hold") return retries(policy.sentence);
  if (policy.remedy !== "freshThread") return policy;
  // Codex makes room in a thread that was full when it is resumed: so there is a chance even where no other thread may be used.
  if (kind === "contextWindow") return own.thread || !own.resumed ? retries(policy.sentence) : policy;
  return own.thread || !own.resumed ? fails(policy.sentence) : policy;
}

/** Tells whether a failure of this kind meets every task alike, so that none is started until it is over. */
export function stopsAll({ remedy }: FailurePolicy): boolean {
  return remedy === "park" || remedy === "hold";
}

/** Tells whether the model has answered, if only by refusing: the account, the login and the configuration work. */
export function reachedModel(kind: FailureKind): boolean {
  return REACHED.has(kind);
}

const REACHED: ReadonlySet<FailureKind> = new Set(["badRequest", "contextWindow", "incomplete", "contentRefused"]);

/** Returns a failure as one line for people. */
export function describeFailure({ kind, detail }: Failure): string {
  const { sentence } = FAILURE_POLICIES[kind];
  return detail === "" ? sentence : `${sentence}: ${detail}`;
}

function fails(sentence: string): FailurePolicy {
  return { remedy: "fail", costsAttempt: true, sentence };
}

function retries(sentence: string): FailurePolicy {
  return { remedy: "retry", costsAttempt: true, sentence };
}

function holds(sentence: string): FailurePolicy {
  return { remedy: "hold", costsAttempt: false, sentence };
}
