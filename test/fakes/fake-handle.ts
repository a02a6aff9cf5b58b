import type { RunEvent, RunHandle, RunLease } from "../../src/run/driver.ts";

/** The handle of a run that a test drives. */
export interface FakeHandle<Outcome> extends RunHandle<Outcome> {
  push(event: RunEvent): void;
  /** Its process has ended. */
  exit(exitCode?: number): void;
}

export function createFakeHandle<Outcome>(
  lease: RunLease,
  does: Pick<RunHandle<Outcome>, "stop" | "outcome">,
): FakeHandle<Outcome> {
  const waiting: RunEvent[] = [];
  let hasExited = false;
  let isDetached = false;
  let wake: () => void = () => undefined;
  let asked: (() => void)[] = [];
  const answer = (): void => {
    for (const resolve of asked) resolve();
    asked = [];
  };
  return {
    lease,
    silentMs: 0,
    ...does,
    async *events() {
      while (!isDetached) {
        const event = waiting.shift();
        if (event !== undefined) {
          yield event;
          continue;
        }
        answer();
        if (hasExited) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    caughtUp: () =>
      new Promise((resolve) => {
        if (isDetached || (hasExited && waiting.length === 0)) return resolve();
        asked.push(resolve);
        wake();
      }),
    detach() {
      isDetached = true;
      answer();
      wake();
    },
    push(event) {
      waiting.push(event);
      wake();
    },
    exit(exitCode) {
      if (hasExited) return;
      waiting.push({ kind: "exited", exitCode });
      hasExited = true;
      wake();
    },
  };
}
