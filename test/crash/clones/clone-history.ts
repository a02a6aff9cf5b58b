import { type SeededRandom, seededRandom } from "../../support/seeded-random.ts";
import { makePlan, makeStep, type Step, type TaskPlan } from "../history.ts";

/** One thing that happens in one of the two clones that are served, at the third one, or to the remote. */
export type CloneStep =
  | { readonly kind: "in"; readonly clone: 0 | 1; readonly step: Step }
  /** The user of the third clone pushes task files, and a file of their own. */
  | { readonly kind: "push"; readonly plans: readonly TaskPlan[] }
  /** The remote is away, and so much later there again. */
  | { readonly kind: "away"; readonly ms: number }
  | { readonly kind: "sync"; readonly clone: 0 | 1 };

export interface CloneHistory {
  readonly seed: number;
  /** Nothing is killed, stopped, short or set: then no command of a user's fails. */
  readonly isCalm: boolean;
  readonly steps: readonly CloneStep[];
}

const STEPS = 20;
const CALM_SHARE = 0.3;
/** What is left of a step where two clones share a branch: its settings are the third user's. */
const SHARED_KINDS: readonly Step["kind"][] = [
  ...(["ask", "user", "wait", "start", "end", "freeze", "kill", "shortage", "clock", "control"] as const),
];
const CALM_KINDS: readonly Step["kind"][] = ["ask", "user", "wait", "start", "control"];

/** Returns the history of two clones that has the number `seed`. */
export function makeCloneHistory(seed: number): CloneHistory {
  const isCalm = seededRandom(seed, -3).chance(CALM_SHARE);
  const steps = Array.from({ length: STEPS }, (_, index) => makeCloneStep(seededRandom(seed, index), index, isCalm));
  return { seed, isCalm, steps };
}

function makeCloneStep(random: SeededRandom, index: number, isCalm: boolean): CloneStep {
  if (index < 2) return { kind: "in", clone: index === 0 ? 0 : 1, step: { kind: "start", fault: undefined } };
  const point = random.next();
  if (point < 0.3) return { kind: "push", plans: Array.from({ length: 1 + random.below(4) }, () => makePlan(random)) };
  if (point < 0.37) return { kind: "away", ms: 200 + random.below(2_500) };
  const clone = random.chance(0.5) ? 0 : 1;
  if (point < 0.43) return { kind: "sync", clone };
  return { kind: "in", clone, step: stepOfClone(random, isCalm) };
}

function stepOfClone(random: SeededRandom, isCalm: boolean): Step {
  const kinds = isCalm ? CALM_KINDS : SHARED_KINDS;
  for (;;) {
    const step = makeStep(random, 1);
    if (!kinds.includes(step.kind)) continue;
    return isCalm && step.kind === "start" ? { ...step, fault: undefined } : step;
  }
}
