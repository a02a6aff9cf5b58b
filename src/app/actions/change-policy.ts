import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { takeLock } from "../../base/process/process-lock.ts";
import { notWritable, readPolicy, writePolicy } from "../../config/policy.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { statePaths } from "../../store/state-paths.ts";
import type { Policy } from "../../task/rights/policy.ts";
import { changePolicy, type PolicyChange } from "../../task/rights/policy-change.ts";
import { isPolicyKey, type PolicyKey } from "../../task/rights/policy-value.ts";

const LOCK_NAME = "policy-lock";
/** Keys whose values are paths: what is typed relative to the current folder is written down whole. */
const PATH_KEYS: readonly PolicyKey[] = [
  "workdirs",
  "images",
  "codex",
  "codexHome",
  "worktreesDir",
  "hook",
  "webhookSecret",
];

/**
 * Returns the policy of a workspace, after `change` where there is one. A running coordinator reads it at its next tick.
 *
 * @throws CoordinatorError `USAGE` for a change that cannot be, `CONFIG` for a policy that is not valid, `REFUSED` while another
 * process changes it
 */
export async function policyOf(place: WorkspacePlace, change: PolicyChange | undefined): Promise<ShownPolicy> {
  const { stateDir, workRoot } = place;
  const { policy: path, root } = statePaths(stateDir);
  if (change === undefined) return { policy: readPolicy(path, workRoot), path, workRoot };
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const lock = await takeLock({
    dir: root,
    name: LOCK_NAME,
    onLost: () => undefined, // The write is one rename; the other's change is not lost, only ours may be.
    describeHolder: ({ pid }) => `the policy is being changed by process ${pid}; try again`,
  }).catch((error: unknown) => {
    throw notWritable(path, error);
  });
  try {
    const before = readPolicy(path, workRoot);
    const changed = changePolicy(before, withWholePaths(change));
    if ("problem" in changed) throw new CoordinatorError("USAGE", changed.problem);
    writePolicy(path, changed.policy, workRoot);
    return { policy: changed.policy, before, path, workRoot };
  } finally {
    await lock.release();
  }
}

function withWholePaths(change: PolicyChange): PolicyChange {
  const { key, values } = change;
  const isPath = key !== undefined && isPolicyKey(key) && PATH_KEYS.includes(key);
  return isPath ? { ...change, values: values.map((value) => (value === "" ? value : resolve(value))) } : change;
}

export interface ShownPolicy {
  readonly policy: Policy;
  /** What it was before the change, where there was one. */
  readonly before?: Policy;
  /** The file that says so; it need not be there. */
  readonly path: string;
  /** Where the paths of tasks begin. */
  readonly workRoot: string;
}
