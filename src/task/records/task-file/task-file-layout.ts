import { ACCOUNT_KEYS } from "./task-account.ts";

/** No other was ever released. */
export const TASK_FILE_FORMAT = 3;

export const PROMPT_HEADING = "## Prompt";
export const RESULT_HEADING = "## Result";
/** The account of the runs is YAML, folded; nothing else of a file begins so but what an agent or a command has said in a fenced block. */
const ACCOUNT_LINES = ["<details>", "<summary>Account</summary>", "", "```yaml", ""] as const;
export const ACCOUNT_START = ACCOUNT_LINES.join("\n");
export const ACCOUNT_END = "```\n\n</details>\n";

/** Keys of ours that a user's unknown key may not pose as; it goes below `extra`. */
export const OUR_KEYS: ReadonlySet<string> = new Set([
  "format",
  "status",
  "reason",
  "failure",
  "attempts",
  "run",
  "thread",
  "source",
  "parentRun",
  "origin",
  "requestedBy",
  "editedBy",
  "acceptedAt",
  "startedAt",
  "endedAt",
  "durationMs",
  "codexVersion",
  ...ACCOUNT_KEYS,
  "changes",
  "verification",
  "followUpTask",
  "acceptedBy",
  "promptHeadingsDown",
  "answerHeadingsDown",
  "extra",
]);
