import { describe, expect, it } from "vitest";
import type { TaskEvent } from "../../../src/task/state/task-event.ts";
import { step, type TaskState } from "../../../src/task/state/task-state.ts";
import {
  again,
  type Case,
  CODEX_MISSING,
  DOOMED,
  ENDED,
  ENDED_ELSEWHERE,
  ended,
  FIRST_DELAY_MS,
  failed,
  INTERRUPTED,
  LIMITS,
  NOT_PASSED,
  NOW,
  PASSED,
  QUEUED,
  REPLACED,
  RUNNING,
  STARTED,
  STOP,
  SUCCEEDED,
  stopping,
  THREAD_LOST,
  VANISHED,
  VERIFY_STARTED,
  VERIFYING,
} from "../../support/task-states.ts";

describe("a stopping task", () => {
  const CANCELLED = ended("cancelled", "stopped by the user");
  const RETRIED = again("timed out", { attempts: 1, dueAtMs: NOW + FIRST_DELAY_MS });
  const RESUMED = again("the coordinator shut down", {});
  const asked = { mayRunAgain: false };

  it.each<Case>([
    { name: "user: cancelled when it was interrupted", from: stopping("user"), event: INTERRUPTED, to: CANCELLED },
    { name: "user: cancelled when it failed", from: stopping("user"), event: failed(), to: CANCELLED },
    { name: "user: cancelled when it vanished", from: stopping("user"), event: VANISHED, to: CANCELLED },
    { name: "user: cancelled when it was not verified", from: stopping("user"), event: NOT_PASSED, to: CANCELLED },
    {
      name: "timeout: another attempt when it was interrupted",
      from: stopping("timeout"),
      event: INTERRUPTED,
      to: RETRIED,
    },
    { name: "timeout: another attempt when it failed", from: stopping("timeout"), event: failed(), to: RETRIED },
    {
      name: "timeout: another attempt when it vanished",
      from: stopping("timeout", { vanished: 2 }),
      event: VANISHED,
      to: RETRIED,
    },
    {
      name: "stall: as a time-out",
      from: stopping("stall"),
      event: INTERRUPTED,
      to: { ...RETRIED, reason: "stalled" },
    },
    {
      name: "timeout: failed when the attempts are used up",
      from: stopping("timeout", { attempts: 3 }),
      event: INTERRUPTED,
      to: ended("failed", "timed out", { attempts: 3 }),
    },
    {
      name: "shutdown: the same attempt again when it was interrupted",
      from: stopping("shutdown"),
      event: INTERRUPTED,
      to: RESUMED,
    },
    {
      name: "shutdown: the same attempt again when it failed",
      from: stopping("shutdown"),
      event: failed({ retryable: false }),
      to: RESUMED,
    },
    {
      name: "shutdown: the same attempt again when it vanished",
      from: stopping("shutdown"),
      event: VANISHED,
      to: RESUMED,
    },
    {
      name: "shutdown: only the verify command comes again",
      from: stopping("shutdown", { run: 2, verify: true }),
      event: VANISHED,
      to: { ...VERIFYING, run: 3, startedAtMs: NOW },
    },
    {
      name: "timeout, then the user: failed for the first cause, but not run again",
      from: stopping("timeout", asked),
      event: INTERRUPTED,
      to: ended("failed", "timed out"),
    },
    {
      name: "timeout: a verification that was not over in time did not pass, whatever its exit code",
      from: stopping("timeout", { run: 2, verify: true }),
      event: NOT_PASSED,
      to: again("2 tests failed", { run: 3, attempts: 0, verifyFailures: 1 }),
    },
    {
      name: "output: a verification that printed too much did not pass, and there is no other",
      from: stopping("output", { run: 2, verify: true, verifyFailures: 1 }),
      event: { kind: "verified", outcome: "failed", reason: "printed too much" },
      to: ended("failed", "printed too much", { run: 2, verifyFailures: 2 }),
    },
    {
      name: "timeout: a verification of which nothing is left comes again: an agent could be told nothing",
      from: stopping("timeout", { run: 2, verify: true, verifyFailures: 1 }),
      event: VANISHED,
      to: { ...VERIFYING, run: 3, startedAtMs: NOW, vanished: 1, verifyFailures: 1 },
    },
    {
      name: "timeout: a verification of which nothing is left comes again so often, and no more",
      from: stopping("timeout", { run: 2, verify: true, vanished: 3 }),
      event: VANISHED,
      to: ended("failed", "the verify command vanished 4 times in a row", { run: 2, vanished: 4 }),
    },
    {
      name: "timeout of a verification, then the user: failed, and not repaired",
      from: stopping("timeout", { run: 2, verify: true, ...asked }),
      event: NOT_PASSED,
      to: ended("failed", "2 tests failed", { run: 2, verifyFailures: 1 }),
    },
    {
      name: "user: cancelled although the verify command exited with 0 when it was told to end",
      from: stopping("user", { verify: true }),
      event: PASSED,
      to: CANCELLED,
    },
    {
      name: "shutdown: verified again although the command exited with 0 when it was told to end",
      from: stopping("shutdown", { run: 2, verify: true }),
      event: PASSED,
      to: { ...VERIFYING, run: 3, startedAtMs: NOW },
    },
    {
      name: "shutdown: verified later when the turn was done before",
      from: stopping("shutdown"),
      event: VERIFY_STARTED,
      to: { ...VERIFYING, startedAtMs: NOW },
    },
    {
      name: "timeout: verified when the turn was done before",
      from: stopping("timeout"),
      event: VERIFY_STARTED,
      to: { ...VERIFYING, startedAtMs: NOW },
    },
    {
      name: "user: cancelled, not verified, when the turn was done before",
      from: stopping("user"),
      event: VERIFY_STARTED,
      to: CANCELLED,
    },
    { name: "shutdown, then the user: cancelled", from: stopping("shutdown", asked), event: VANISHED, to: CANCELLED },
    ...(["user", "timeout", "stall", "shutdown"] as const).flatMap((cause): readonly Case[] => [
      {
        name: `${cause}: succeeded when it was done before`,
        from: stopping(cause),
        event: SUCCEEDED,
        to: ended("succeeded", undefined),
      },
      { name: `${cause}: not touched by a timer`, from: stopping(cause), event: STOP("timeout"), to: stopping(cause) },
      {
        name: `${cause}: not touched by a shutdown`,
        from: stopping(cause),
        event: STOP("shutdown"),
        to: stopping(cause),
      },
      {
        name: `${cause}: must not run again once the user asks`,
        from: stopping(cause),
        event: STOP("user"),
        to: stopping(cause, asked),
      },
    ]),
  ])("$name", ({ from, event, to }) => {
    expect(step(from, event, NOW, LIMITS)).toEqual(to);
  });
});

describe("an event that cannot happen", () => {
  const EVENTS = [
    STARTED,
    SUCCEEDED,
    failed(),
    INTERRUPTED,
    VANISHED,
    REPLACED,
    DOOMED,
    ENDED_ELSEWHERE,
    CODEX_MISSING,
    THREAD_LOST,
    VERIFY_STARTED,
    PASSED,
    NOT_PASSED,
  ];
  const POSSIBLE: Readonly<Record<TaskState["kind"], readonly TaskEvent["kind"][]>> = {
    queued: ["started", "replaced", "unrunnable", "endedElsewhere", "stop"],
    running: ["exited", "vanished", "verifyStarted", "stop"],
    verifying: ["verified", "vanished", "stop"],
    stopping: ["exited", "verifyStarted", "verified", "vanished", "stop"],
    ended: ["stop"],
  };

  it.each(
    [QUEUED, RUNNING, VERIFYING, stopping("user"), ENDED].flatMap((from) =>
      EVENTS.filter((event) => !POSSIBLE[from.kind].includes(event.kind)).map((event) => ({ from, event })),
    ),
  )("is refused: $event.kind while $from.kind", ({ from, event }) => {
    expect(() => step(from, event, NOW, LIMITS)).toThrow(expect.objectContaining({ name: "IllegalTransitionError" }));
  });

  it("says which state could not take which event", () => {
    expect(() => step(QUEUED, VANISHED, NOW, LIMITS)).toThrow(
      'a task that is queued (run 1) cannot take the event "vanished"',
    );
  });
});
