import { CoordinatorError } from "../base/errors.ts";
import type { CloneNames } from "../task/claims/runs-on.ts";
import { type RightsByOrigin, rightsByOrigin } from "../task/rights/origin-rights.ts";
import type { Policy } from "../task/rights/policy.ts";
import { stampOf } from "./path-stamp.ts";
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

/**
 * Returns what tasks may ask for now: the same object until the policy or what is listed changes.
 *
 * @param listed verify commands that the committed settings name; the same list until these change
 */
export function createLiveRights(
  policy: Pick<LivePolicy, "current">,
  listed: () => readonly string[],
  isOwnThread: (thread: string) => boolean,
): () => RightsByOrigin {
  let madeOf = [policy.current(), listed()] as const;
  let rights = rightsByOrigin(...madeOf, isOwnThread);
  return () => {
    const [now, commands] = [policy.current(), listed()];
    if (madeOf[0] !== now || madeOf[1] !== commands) {
      madeOf = [now, commands];
      rights = rightsByOrigin(now, commands, isOwnThread);
    }
    return rights;
  };
}

/** Returns what this clone is called now: the same object until the policy changes. @param clone its id, which is its name where the policy says none */
export function createLiveNames(policy: Pick<LivePolicy, "current">, clone: string): () => CloneNames {
  const namesOf = ({ name = clone, labels }: Policy): CloneNames => ({ name, labels });
  let madeOf = policy.current();
  let names = namesOf(madeOf);
  return () => {
    if (madeOf === policy.current()) return names;
    madeOf = policy.current();
    names = namesOf(madeOf);
    return names;
  };
}
