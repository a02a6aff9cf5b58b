import { AsyncLocalStorage } from "node:async_hooks";
import { onTestFinished as onCurrentTestFinished, type TestContext } from "vitest";

const running = new AsyncLocalStorage<TestContext>();

/** As vitest's, which knows one running test alone: here it is the one that `beside` has begun, if we are in one. */
export const onTestFinished: typeof onCurrentTestFinished = (handler, timeoutMs) => {
  const context = running.getStore();
  if (context === undefined) onCurrentTestFinished(handler, timeoutMs);
  else context.onTestFinished(handler, timeoutMs);
};

/** Makes a test of `it.concurrent`: what its helpers make is removed at its own end. For tests that wait more than they compute. */
export function beside(test: () => Promise<void>): (context: TestContext) => Promise<void> {
  return (context) => running.run(context, test);
}

/** The same for `it.concurrent.for`. */
export function besideEach<Row>(test: (row: Row) => Promise<void>): (row: Row, context: TestContext) => Promise<void> {
  return (row, context) => running.run(context, () => test(row));
}
