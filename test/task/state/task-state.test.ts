import { describe, expect, it } from "vitest";
import { step } from "../../../src/task/state/task-state.ts";
import {
  again,
  type Case,
  CODEX_MISSING,
  DOOMED,
  ENDED_ELSEWHERE,
  ended,
  FIRST_DELAY_MS,
  failed,
  HELD,
  INTERRUPTED,
  LIMITS,
  NO_COMMAND,
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

describe("a queued task", () => {
  it.each<Case>([
    { name: "runs, and uses an attempt", from: QUEUED, event: STARTED, to: { ...RUNNING, startedAtMs: NOW } },
    {
      name: "keeps its counts when it runs again",
      from: again("no", { attempts: 1, vanished: 2 }),
      event: STARTED,
      to: { kind: "running", run: 2, attempts: 2, vanished: 2, startedAtMs: NOW },
    },
    { name: "stays where it is when it is replaced", from: QUEUED, event: REPLACED, to: QUEUED },
    {
      name: "is cancelled by the user without ever having run",
      from: QUEUED,
      event: STOP("user"),
      to: ended("cancelled", "stopped by the user", { attempts: 0 }),
    },
    { name: "is not touched by a timer that came too late", from: QUEUED, event: STOP("timeout"), to: QUEUED },
    { name: "outlives a shutdown", from: QUEUED, event: STOP("shutdown"), to: QUEUED },
    { name: "fails when it can never run", from: QUEUED, event: DOOMED, to: ended("failed", "never", { attempts: 0 }) },
    {
      name: "ends as it has in another clone",
      from: QUEUED,
      event: ENDED_ELSEWHERE,
      to: ended("cancelled", "not wanted", { attempts: 0 }),
    },
  ])("$name", ({ from, event, to }) => {
    expect(step(from, event, NOW, LIMITS)).toEqual(to);
  });
});

describe("a running task", () => {
  it.each<Case>([
    { name: "succeeds", from: RUNNING, event: SUCCEEDED, to: ended("succeeded", undefined) },
    {
      name: "fails at once when trying again is of no use",
      from: RUNNING,
      event: failed({ retryable: false }),
      to: ended("failed", "no"),
    },
    {
      name: "is queued again after a failure, as the next run, and later",
      from: RUNNING,
      event: failed(),
      to: again("no", { attempts: 1, dueAtMs: NOW + FIRST_DELAY_MS }),
    },
    {
      name: "waits twice as long after the second failure",
      from: { ...RUNNING, run: 4, attempts: 2 },
      event: failed(),
      to: again("no", { run: 5, attempts: 2, dueAtMs: NOW + 2 * FIRST_DELAY_MS }),
    },
    {
      name: "fails when its attempts are used up",
      from: { ...RUNNING, run: 5, attempts: 3 },
      event: failed(),
      to: ended("failed", "no", { run: 5, attempts: 3 }),
    },
    {
      name: "is held with all others by a usage limit, which uses no attempt, and waits for nothing of its own",
      from: { ...RUNNING, attempts: 3, vanished: 1 },
      event: HELD,
      to: again("usage limit reached", { attempts: 2 }),
    },
    {
      name: "waits until its thread is free, which uses no attempt",
      from: { ...RUNNING, attempts: 3 },
      event: failed({ costsAttempt: false, retryAtMs: NOW + 3_600_000 }),
      to: again("no", { attempts: 2, dueAtMs: NOW + 3_600_000 }),
    },
    {
      name: "keeps to a later time that codex named, although it counts",
      from: RUNNING,
      event: failed({ retryAtMs: NOW + 3_600_000 }),
      to: again("no", { attempts: 1, dueAtMs: NOW + 3_600_000 }),
    },
    {
      name: "does not run in a circle when the time to wait for is past already",
      from: RUNNING,
      event: failed({ costsAttempt: false, retryAtMs: NOW - 1 }),
      to: again("no", { dueAtMs: NOW + FIRST_DELAY_MS }),
    },
    {
      name: "is queued again at once when its worker vanished, which uses no attempt",
      from: RUNNING,
      event: VANISHED,
      to: again("the worker vanished", { vanished: 1 }),
    },
    {
      name: "waits when its worker vanished for the second time in a row",
      from: { ...RUNNING, vanished: 1 },
      event: VANISHED,
      to: again("the worker vanished", { vanished: 2, dueAtMs: NOW + FIRST_DELAY_MS }),
    },
    {
      name: "fails when its workers keep vanishing",
      from: { ...RUNNING, run: 3, vanished: 2 },
      event: VANISHED,
      to: ended("failed", "the worker vanished 3 times in a row", { run: 3, vanished: 3 }),
    },
    {
      name: "is treated alike when somebody else interrupts it",
      from: RUNNING,
      event: INTERRUPTED,
      to: again("the run was interrupted", { vanished: 1 }),
    },
    {
      name: "runs again at once, for nothing, when codex does not have its thread",
      from: { ...RUNNING, vanished: 2 },
      event: THREAD_LOST,
      to: again("no rollout found", { vanished: 2 }),
    },
    {
      name: "runs again, for nothing, when codex could not be run; ever later, as after a lost worker",
      from: { ...RUNNING, vanished: 1 },
      event: CODEX_MISSING,
      to: again("not found", { vanished: 2, dueAtMs: NOW + FIRST_DELAY_MS }),
    },
    {
      name: "forgets that workers vanished once one ends with a verdict",
      from: { ...RUNNING, vanished: 2 },
      event: failed(),
      to: again("no", { attempts: 1, dueAtMs: NOW + FIRST_DELAY_MS }),
    },
    { name: "is only asked to stop, by the user", from: RUNNING, event: STOP("user"), to: stopping("user") },
    {
      name: "is only asked to stop, when its time is over",
      from: RUNNING,
      event: STOP("timeout"),
      to: stopping("timeout"),
    },
    { name: "is only asked to stop, by a shutdown", from: RUNNING, event: STOP("shutdown"), to: stopping("shutdown") },
    {
      name: "is verified in a run of its own",
      from: { ...RUNNING, vanished: 1 },
      event: VERIFY_STARTED,
      to: { ...VERIFYING, startedAtMs: NOW },
    },
  ])("$name", ({ from, event, to }) => {
    expect(step(from, event, NOW, LIMITS)).toEqual(to);
  });
});

describe("a task under verification", () => {
  it.each<Case>([
    { name: "succeeds when it passes", from: VERIFYING, event: PASSED, to: ended("succeeded", undefined, { run: 2 }) },
    {
      name: "is queued again when it does not pass, at once and without using an attempt",
      from: { ...VERIFYING, attempts: 3 },
      event: NOT_PASSED,
      to: again("2 tests failed", { run: 3, attempts: 2, verifyFailures: 1 }),
    },
    {
      name: "fails when it has not passed often enough",
      from: { ...VERIFYING, verifyFailures: 1 },
      event: NOT_PASSED,
      to: ended("failed", "2 tests failed", { run: 2, verifyFailures: 2 }),
    },
    {
      name: "fails when its command cannot be run, and the agent is not asked again",
      from: VERIFYING,
      event: NO_COMMAND,
      to: ended("failed", "no such command", { run: 2 }),
    },
    {
      name: "remembers how often it did not pass while the agent runs again",
      from: { ...QUEUED, verifyFailures: 1 },
      event: STARTED,
      to: { ...RUNNING, startedAtMs: NOW, verifyFailures: 1 },
    },
    {
      name: "is verified again when the command vanished; the agent does not run again",
      from: VERIFYING,
      event: VANISHED,
      to: { ...VERIFYING, run: 3, vanished: 1, startedAtMs: NOW },
    },
    {
      name: "fails when the command keeps vanishing",
      from: { ...VERIFYING, vanished: 2 },
      event: VANISHED,
      to: ended("failed", "the verify command vanished 3 times in a row", { run: 2, vanished: 3 }),
    },
    {
      name: "is only asked to stop",
      from: VERIFYING,
      event: STOP("user"),
      to: stopping("user", { run: 2, verify: true }),
    },
  ])("$name", ({ from, event, to }) => {
    expect(step(from, event, NOW, LIMITS)).toEqual(to);
  });
});
