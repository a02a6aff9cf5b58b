import { CoordinatorError } from "../base/errors.ts";
import type { Policy } from "../task/rights/policy.ts";
import { stampOf } from "./live-config.ts";
import { readPolicy } from "./policy.ts";

/** The policy in force while serving. */
export interface LivePolicy {
  /** The same object until it changes. */
  current(): Policy;
  /** Reads the file again if it was touched. Returns what is wrong with it; then the last good policy stays in force. */
  reload(): string | undefined;
}

/**
 * Loads the policy at `path`.
 *
 * @param accept is asked of each later one; it throws CoordinatorError where that cannot be in force
 * @throws CoordinatorError `CONFIG` when it is not valid to begin with
 */
export function createLivePolicy(
  path: string,
  workRoot: string,
  accept: (policy: Policy) => void = () => undefined,
): LivePolicy {
  let stamp = stampOf(path);
  let policy = readPolicy(path, workRoot);
  let problem: string | undefined;
  return {
    current: () => policy,
    reload() {
      const now = stampOf(path);
      if (now === stamp) return problem;
      stamp = now;
      try {
        const read = readPolicy(path, workRoot);
        accept(read);
        policy = read;
        problem = undefined;
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        problem = error.message;
      }
      return problem;
    },
  };
}
