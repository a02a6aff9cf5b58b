/** What the doctor found, as every interface shows it. */
export interface DoctorReport {
  readonly workspace: string;
  /** Full name of the branch that was looked at; `null` where there is none. */
  readonly branch: string | null;
  /** The coordinator at work beside it: then nothing was repaired. */
  readonly coordinator: { readonly pid: number; readonly since: string } | null;
  /** Everything was looked at, and not only what is open and recent. */
  readonly all: boolean;
  readonly checks: readonly CheckReport[];
  /** That are left; what was repaired does not count. */
  readonly problems: number;
  readonly notes: number;
  readonly repaired: number;
}

export interface CheckReport {
  readonly name: string;
  readonly what: string;
  readonly why: string;
  /** `skipped`: there was nothing to look at, or another check says why it could not be. What was repaired counts as `ok`. */
  readonly state: "ok" | "note" | "problem" | "skipped";
  /** Why it was skipped. */
  readonly reason: string | null;
  readonly looked: readonly { readonly what: string; readonly count: number }[];
  /** What was found out besides. */
  readonly facts: readonly string[];
  /** The first hundred. */
  readonly findings: readonly FindingReport[];
  /** How many more there are. */
  readonly more: number;
}

export interface FindingReport {
  readonly level: "problem" | "note";
  readonly path: string | null;
  readonly message: string;
  readonly remedy: string;
  readonly repair: RepairReport | null;
}

export interface RepairReport {
  /** As in "--fix moves it aside". */
  readonly what: string;
  /** `later`: a coordinator is at work, and has to be ended first. */
  readonly state: "possible" | "done" | "failed" | "later";
  /** Where that lies now which was moved. */
  readonly movedTo: string | null;
  /** Why it failed. */
  readonly reason: string | null;
}
