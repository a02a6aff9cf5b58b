import type { Hold } from "./hold.ts";

/** What became of a task that another one depends on. `undefined`: nobody knows such a task. */
export type DependencyOutcome = "open" | "succeeded" | "failed" | "cancelled" | undefined;

interface Waiter {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** Who waits for whom: each task that depends on others, and what is known of these. */
export interface Dependencies {
  add(task: Waiter): void;
  remove(task: Waiter): void;
  /** Asks again what became of `id`. Returns the tasks that depend on it, where that has changed. */
  settle(id: string): readonly string[];
  /** Tells whether some task depends on `id`. */
  isAwaited(id: string): boolean;
  /** Ids that some task depends on. */
  awaited(): Iterable<string>;
  /** Tells whether the task has to wait for another one. */
  isUnmet(id: string): boolean;
  /** Why the task can never run, where one that it depends on has ended badly. */
  failure(task: Waiter): string | undefined;
  /** What an unmet task waits for. */
  hold(task: Waiter): Hold;
}

/** @param outcomeOf is asked when a task is first depended on, and by `settle` */
export function createDependencies(outcomeOf: (id: string) => DependencyOutcome): Dependencies {
  const known = new Map<string, { outcome: DependencyOutcome; readonly waiters: Set<string> }>();
  /** By waiting task: how many of its dependencies have not succeeded, and how many of these have ended. */
  const counts = new Map<string, { unmet: number; failed: number }>();
  const count = (id: string, outcome: DependencyOutcome, by: 1 | -1): void => {
    const task = counts.get(id);
    if (task === undefined || outcome === "succeeded") return;
    task.unmet += by;
    if (outcome === "failed" || outcome === "cancelled") task.failed += by;
  };

  return {
    add({ id, dependsOn }) {
      if (dependsOn.length === 0) return;
      counts.set(id, { unmet: 0, failed: 0 });
      for (const other of new Set(dependsOn)) {
        const seen = known.get(other) ?? { outcome: outcomeOf(other), waiters: new Set() };
        known.set(other, seen);
        seen.waiters.add(id);
        count(id, seen.outcome, 1);
      }
    },
    remove({ id, dependsOn }) {
      if (!counts.delete(id)) return;
      for (const other of dependsOn) {
        const seen = known.get(other);
        if (seen?.waiters.delete(id) === true && seen.waiters.size === 0) known.delete(other);
      }
    },
    settle(id) {
      const seen = known.get(id);
      const outcome = seen === undefined ? undefined : outcomeOf(id);
      if (seen === undefined || seen.outcome === outcome) return [];
      for (const waiter of seen.waiters) {
        count(waiter, seen.outcome, -1);
        count(waiter, outcome, 1);
      }
      seen.outcome = outcome;
      return [...seen.waiters];
    },
    isAwaited: (id) => known.has(id),
    awaited: () => known.keys(),
    isUnmet: (id) => (counts.get(id)?.unmet ?? 0) > 0,
    failure({ id, dependsOn }) {
      if ((counts.get(id)?.failed ?? 0) === 0) return undefined;
      for (const other of dependsOn) {
        const outcome = known.get(other)?.outcome;
        if (outcome === "failed") return `it depends on ${other}, which failed`;
        if (outcome === "cancelled") return `it depends on ${other}, which was cancelled`;
      }
      return undefined;
    },
    hold({ dependsOn }) {
      const outcomes = dependsOn.map((id) => ({ id, outcome: known.get(id)?.outcome }));
      return {
        kind: "dependency",
        waitsFor: outcomes.filter(({ outcome }) => outcome === "open").map(({ id }) => id),
        unknown: outcomes.filter(({ outcome }) => outcome === undefined).map(({ id }) => id),
      };
    },
  };
}
