import { NEVER } from "../support/drops.ts";
import { clock, type Serving } from "../support/serving.ts";

/** How the HTTP interface answered a task every `INTERVAL_MS`. */
export interface Posted {
  /** Time of each answer, refusals included. */
  readonly answerMs: readonly number[];
  /** Answers that were not 202, or did not come. */
  readonly refused: number;
}

const INTERVAL_MS = 100;
const ANSWER_TIMEOUT_MS = 60_000;
const ACCEPTED = 202;

/** Posts one task after the other, whether or not the earlier ones were answered. They cannot run, so the burst stays the same. */
export function startPosting(serving: Serving): { stop(): Promise<Posted> } {
  const answerMs: number[] = [];
  let refused = 0;
  const post = async (): Promise<void> => {
    const startedMs = clock();
    const answer = await serving
      .request("/tasks", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: "Make the posted check faster", notBefore: NEVER }),
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      })
      .catch(() => undefined); // No answer is counted as a refusal.
    answerMs.push(clock() - startedMs);
    if (answer?.status !== ACCEPTED) refused += 1;
  };
  const under: Promise<void>[] = [];
  const timer = setInterval(() => under.push(post()), INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      if (under.length === 0) under.push(post());
      await Promise.all(under);
      return { answerMs, refused };
    },
  };
}
