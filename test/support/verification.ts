import type { Verification, VerifyFacts } from "../../src/task/state/verification.ts";

/** What the files of a verify command say that ended with exit code 1. */
export const NOT_PASSED_FACTS: VerifyFacts = {
  sandbox: "workspace-write",
  begun: true,
  exitCode: 1,
  signal: undefined,
  startedAtMs: 1_000,
  endedAtMs: 4_000,
  output: "1 test failed\n",
  outputBytes: 14,
  said: "",
};

/** A verification that did not pass. */
export const FAILED_VERIFICATION: Verification = {
  command: "npm test",
  outcome: "failed",
  what: "ended with exit code 1",
  exitCode: 1,
  signal: undefined,
  durationMs: 3_000,
  sandbox: "workspace-write",
  output: "1 test failed\n",
  outputBytes: 14,
  hint: undefined,
  attempt: 1,
  attemptsMax: 3,
};
