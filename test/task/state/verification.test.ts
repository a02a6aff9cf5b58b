import { describe, expect, it } from "vitest";
import {
  judgeVerification,
  type Verification,
  type VerifyContext,
  type VerifyFacts,
  verificationReason,
} from "../../../src/task/state/verification.ts";
import { FAILED_VERIFICATION, NOT_PASSED_FACTS } from "../../support/verification.ts";

const CONTEXT: VerifyContext = {
  ...{ command: "npm test", cause: undefined, timeoutMs: 600_000, startedAtMs: 0, endedAtMs: 9_000 },
  ...{ attempt: 1, attemptsMax: 3 },
};

function judged(facts: Partial<VerifyFacts>, context: Partial<VerifyContext> = {}): Verification | undefined {
  return judgeVerification({ ...NOT_PASSED_FACTS, ...facts }, { ...CONTEXT, ...context });
}

describe("a verification", () => {
  it.each<{
    name: string;
    facts?: Partial<VerifyFacts>;
    context?: Partial<VerifyContext>;
    outcome: Verification["outcome"];
    what: string;
  }>([
    { name: "passes with exit code 0", facts: { exitCode: 0 }, outcome: "passed", what: "passed" },
    { name: "fails with another one", outcome: "failed", what: "ended with exit code 1" },
    {
      name: "fails by a signal",
      facts: { exitCode: 137, signal: "SIGKILL" },
      outcome: "failed",
      what: "ended by SIGKILL",
    },
    {
      name: "fails when it was not over in time, whatever its exit code",
      facts: { exitCode: 0 },
      context: { cause: "timeout" },
      outcome: "failed",
      what: "did not end within 10 min, its verifyTimeoutMs",
    },
    {
      name: "fails when it was not over in time, and nobody saw its end",
      facts: { exitCode: undefined },
      context: { cause: "timeout" },
      outcome: "failed",
      what: "did not end within 10 min, its verifyTimeoutMs",
    },
    {
      name: "fails when it printed too much",
      context: { cause: "output" },
      outcome: "failed",
      what: "printed more than 64 MB",
    },
    {
      name: "says nothing when it was stopped, even by exit code 0",
      facts: { exitCode: 0 },
      context: { cause: "shutdown" },
      outcome: "stopped",
      what: "was stopped",
    },
    {
      name: "cannot be made without its command",
      facts: { exitCode: 127, output: "one\n/bin/sh: 1: vitest: not found\n" },
      outcome: "unavailable",
      what: "ended with exit code 127: /bin/sh: 1: vitest: not found",
    },
    {
      name: "cannot be made without a sandbox that was asked for",
      facts: { begun: false, exitCode: 1, said: "bwrap: No permissions" },
      outcome: "unavailable",
      what: "could not be begun in codex's sandbox: bwrap: No permissions",
    },
    {
      name: "cannot be made without a shell",
      facts: { begun: false, exitCode: 126, sandbox: "none" },
      outcome: "unavailable",
      what: "could not be begun: exit code 126",
    },
  ])("$name", ({ facts = {}, context = {}, outcome, what }) => {
    expect(judged(facts, context)).toMatchObject({ outcome, what });
  });

  it("that left no exit code says nothing, and has to be made again", () => {
    expect(judged({ exitCode: undefined })).toBeUndefined();
  });

  it("takes its times from its files, or else from who watched it", () => {
    expect(judged({})?.durationMs).toBe(3_000);
    expect(judged({ startedAtMs: undefined, endedAtMs: undefined })?.durationMs).toBe(9_000);
  });

  it("gives the task a reason of one line", () => {
    expect(verificationReason({ ...FAILED_VERIFICATION, command: "a\n&& b" })).toBe(
      "verification failed: `a && b` ended with exit code 1 (1 of 3)",
    );
    expect(verificationReason({ ...FAILED_VERIFICATION, outcome: "unavailable", what: "could not be begun: no" })).toBe(
      "the verify command could not be run: `npm test` could not be begun: no",
    );
  });
});

describe("a failure that looks like the sandbox's", () => {
  const hint = (output: string, sandbox: VerifyFacts["sandbox"] = "workspace-write"): string =>
    judged({ output, sandbox })?.hint ?? "none";

  it.each([
    "touch: cannot touch '/x': Read-only file system",
    "Error: EROFS: read-only file system, open '/x'",
    "mkdir: Permission denied",
    "connect EPERM 127.0.0.1:5432",
    "Error: getaddrinfo EAI_AGAIN packages.example.org",
    "curl: (6) Could not resolve host: example.com",
  ])("names the setting that would allow it: %s", (output) => {
    expect(hint(output)).toContain("`codex-inbox policy set verify unsandboxed`");
    expect(hint(output)).not.toContain("`sandbox: workspace-write`");
  });

  it("names the level that lets it write, where the task may only read", () => {
    expect(hint("touch: cannot touch 'x': Read-only file system", "read-only")).toContain(
      "`sandbox: workspace-write` in the task",
    );
    expect(hint("Could not resolve host", "read-only")).not.toContain("workspace-write` in");
  });

  it("is not blamed on a sandbox that there was not, nor without a sign of it", () => {
    expect(hint("Read-only file system", "none")).toBe("none");
    expect(hint("2 tests failed")).toBe("none");
    expect(judged({ exitCode: 0, output: "EROFS" })?.hint).toBeUndefined();
  });
});
