import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TaskEvent } from "../../../src/task/state/task-event.ts";
import { acceptedState, statusOf, step, TASK_LIMITS, type TaskState } from "../../../src/task/state/task-state.ts";
import {
  CODEX_MISSING,
  DOOMED,
  ENDED_ELSEWHERE,
  failed,
  HELD,
  INTERRUPTED,
  LIMITS,
  NOT_PASSED,
  NOW,
  PASSED,
  REPLACED,
  STARTED,
  STOP,
  SUCCEEDED,
  THREAD_LOST,
  VANISHED,
  VERIFY_STARTED,
} from "../../support/task-states.ts";

describe("the life of a task", () => {
  const CAUSES = ["user", "timeout", "stall", "output", "shutdown"] as const;
  const event: fc.Arbitrary<TaskEvent> = fc.oneof(
    fc.constantFrom(
      STARTED,
      SUCCEEDED,
      INTERRUPTED,
      VANISHED,
      REPLACED,
      VERIFY_STARTED,
      PASSED,
      NOT_PASSED,
      DOOMED,
      CODEX_MISSING,
      THREAD_LOST,
      HELD,
      ENDED_ELSEWHERE,
    ),
    fc.constantFrom(
      STARTED,
      VANISHED,
      failed(),
      failed({ retryable: false }),
      failed({ costsAttempt: false, retryAtMs: NOW * 2 }),
    ),
    fc.constantFrom(...CAUSES).map(STOP),
  );
  const lives = fc.array(event, { maxLength: 60 });

  /** Follows `events` from acceptance, passing over those that cannot happen; gives every change to `see`. */
  function live(
    events: readonly TaskEvent[],
    see: (from: TaskState, taken: TaskEvent, to: TaskState) => void,
  ): TaskState {
    let state: TaskState = acceptedState(0);
    for (const [index, taken] of events.entries()) {
      let to: TaskState;
      try {
        to = step(state, taken, NOW + index, LIMITS);
      } catch (error) {
        if (error instanceof Error && error.name === "IllegalTransitionError") continue;
        throw error;
      }
      see(state, taken, to);
      state = to;
    }
    return state;
  }

  it("begins as run 1 without an attempt", () => {
    expect(acceptedState(42)).toEqual({ kind: "queued", run: 1, attempts: 0, vanished: 0, dueAtMs: 42 });
  });

  it("ends for good", () => {
    fc.assert(
      fc.property(lives, (events) => {
        live(events, (from, _, to) => {
          if (from.kind === "ended") expect(to).toBe(from);
        });
      }),
    );
  });

  it("never counts runs backwards, and gives every process a run of its own", () => {
    fc.assert(
      fc.property(lives, (events) => {
        const runs: number[] = [];
        live(events, (from, taken, to) => {
          expect(to.run).toBeGreaterThanOrEqual(from.run);
          const spawned = taken.kind === "started" || (to.kind === "verifying" && to !== from);
          if (spawned) runs.push(to.run);
        });
        expect(new Set(runs).size).toBe(runs.length);
      }),
    );
  });

  it("is never ended, nor queued, while its process lives", () => {
    fc.assert(
      fc.property(lives, (events) => {
        let alive = false;
        live(events, (_, taken, to) => {
          if (taken.kind === "started" || to.kind === "verifying") alive = true;
          else if (["exited", "vanished", "verifyStarted", "verified"].includes(taken.kind)) alive = false;
          if (to.kind === "ended" || to.kind === "queued") expect(alive).toBe(false);
          else expect(alive).toBe(true);
        });
      }),
    );
  });

  it("uses no more attempts than allowed, and loses no more runs in a row than allowed", () => {
    fc.assert(
      fc.property(lives, (events) => {
        live(events, (from, _, to) => {
          expect(to.attempts).toBeLessThanOrEqual(LIMITS.attemptsMax);
          expect(to.attempts).toBeGreaterThanOrEqual(0);
          expect(to.vanished).toBeLessThanOrEqual(LIMITS.vanishedMax + 1);
          if (from.kind !== "ended" && to.vanished > LIMITS.vanishedMax) expect(statusOf(to)).toBe("failed");
        });
      }),
    );
  });

  it("never runs again after the user has asked for a stop", () => {
    fc.assert(
      fc.property(lives, (events) => {
        let asked = false;
        live(events, (_, taken, to) => {
          if (taken.kind === "stop" && taken.cause === "user") asked = true;
          if (asked) expect(["stopping", "ended"]).toContain(to.kind);
        });
      }),
    );
  });

  it("comes to an end however its runs fail", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.constantFrom(failed(), VANISHED, INTERRUPTED)), (outcomes) => {
        let state: TaskState = acceptedState(0);
        for (const outcome of outcomes.take(100)) {
          if (state.kind === "ended") break;
          state = step(step(state, STARTED, NOW, LIMITS), outcome, NOW, LIMITS);
        }
        expect(statusOf(state)).toBe("failed");
      }),
    );
  });

  it("comes to an end however its verifications fail", () => {
    let state: TaskState = acceptedState(0);
    let verifications = 0;
    for (; state.kind !== "ended"; verifications += 1)
      for (const taken of [STARTED, VERIFY_STARTED, NOT_PASSED]) state = step(state, taken, NOW, LIMITS);
    expect(verifications).toBe(LIMITS.verifyAttemptsMax);
    expect(state).toMatchObject({ status: "failed", attempts: 1 });
  });

  it("survives being written as JSON", () => {
    fc.assert(
      fc.property(lives, (events) => {
        live(events, (_, __, to) => {
          expect(JSON.parse(JSON.stringify(to))).toEqual(to);
        });
      }),
    );
  });

  it("is bounded by default", () => {
    expect(TASK_LIMITS).toEqual({
      attemptsMax: 3,
      vanishedMax: 3,
      verifyAttemptsMax: 3,
      delayFirstMs: 10_000,
      delayMaxMs: 900_000,
    });
  });
});
