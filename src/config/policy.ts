import type { Stats } from "node:fs";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { readBoundedText } from "../base/files/read-bounded.ts";
import { realPathOf } from "../base/files/real-path.ts";
import { writeFileAtomic } from "../base/files/write-file-atomic.ts";
import { DEFAULT_POLICY, type Policy, parsePolicy, renderPolicy } from "../task/rights/policy.ts";
import { isBelow } from "../task/rights/rights.ts";

/** Larger is nothing that we wrote. */
const BYTES_MAX = 256 * 1024;
const OWNER_ONLY = 0o600;
const OTHERS_WRITE = 0o022;

/**
 * Reads `policy.json` at `path`; where there is none, the defaults hold.
 *
 * @param workRoot absolute; agents may write there, so nothing that we run may lie in it
 * @throws CoordinatorError `CONFIG`, naming every problem at once, also where others than its owner could have written it
 */
export function readPolicy(path: string, workRoot: string): Policy {
  const text = readOwnFile(path);
  if (text === undefined) return DEFAULT_POLICY;
  const parsed = parsePolicy(text);
  if ("problems" in parsed) throw wrong(path, parsed.problems.join("; "));
  requireOutside(path, parsed.policy, workRoot);
  return parsed.policy;
}

/** Replaces the policy file. @throws CoordinatorError `CONFIG` for a codex in the working tree, `REFUSED` where the folder may not be written */
export function writePolicy(path: string, policy: Policy, workRoot: string): void {
  requireOutside(path, policy, workRoot);
  try {
    writeFileAtomic(path, renderPolicy(policy), OWNER_ONLY);
  } catch (cause) {
    throw notWritable(path, cause);
  }
}

/** Returns what to throw where the policy's folder may not be written: to a sandboxed agent, it may not. */
export function notWritable(path: string, cause: unknown): unknown {
  const code = systemErrorCode(cause);
  if (code === undefined) return cause;
  const message = `${path} cannot be written (${code}): what tasks may do is for the owner of the machine to say`;
  return new CoordinatorError("REFUSED", message, { cause });
}

/** @throws CoordinatorError `CONFIG` where it is no plain file of its owner alone */
function readOwnFile(path: string): string | undefined {
  return readBoundedText(path, BYTES_MAX, {
    check(stats) {
      const problem = ownershipProblem(path, stats);
      if (problem !== undefined) throw wrong(path, problem);
    },
  });
}

function ownershipProblem(path: string, stats: Stats): string | undefined {
  const ours = process.getuid?.() ?? stats.uid;
  if (stats.uid !== ours && stats.uid !== 0) return `belongs to another user (${stats.uid})`;
  const mode = (stats.mode & 0o777).toString(8);
  if ((stats.mode & OTHERS_WRITE) !== 0) return `may be written by others (mode ${mode}): chmod 600 ${path}`;
  return undefined;
}

function requireOutside(path: string, policy: Policy, workRoot: string): void {
  for (const key of ["codex", "codexHome", "worktreesDir", "hook", "webhookSecret"] as const) {
    const named = policy[key];
    if (named === undefined || !isBelow(realPathOf(workRoot), realPathOf(named))) continue;
    throw wrong(path, `${key}: ${named} lies in the working tree, where agents may write; name one outside it`);
  }
}

function wrong(path: string, problem: string): CoordinatorError {
  return new CoordinatorError(
    "CONFIG",
    /^(line|codex|hook|webhook|worktreesDir)/.test(problem) ? `${path}: ${problem}` : `${path} ${problem}`,
  );
}
