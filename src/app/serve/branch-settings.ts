import { join } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { readBounded } from "../../base/files/read-bounded.ts";
import type { Log } from "../../base/surroundings.ts";
import type { SettingsText } from "../../config/config.ts";
import { CONFIG_FILE } from "../../config/config-file.ts";
import { atNextStart, type LiveConfig } from "../../config/live-config.ts";
import type { LivePolicy } from "../../config/live-policy.ts";
import { createUncommittedSettings } from "../../config/uncommitted-settings.ts";
import type { Branch } from "../../git/branch.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { NOTE_BYTES_MAX } from "../../memory/note-files.ts";
import type { Policy } from "../../task/rights/policy.ts";

/** The settings of the served branch, read again when its tip has moved. What lies uncommitted in the work tree steers nothing. */
export interface BranchSettings {
  /** Looks at the branch as it was seen last. */
  read(): Promise<void>;
  /** What waits in the work tree to be committed, in words. */
  uncommitted(): string | undefined;
}

const NO_FILE = "is no plain file but a link, a folder or a submodule";

export function followBranchSettings(
  config: Pick<LiveConfig, "take" | "takeNone">,
  branch: Pick<Branch, "treeId" | "blobAt" | "readText">,
  {
    place,
    branchName,
    first,
  }: { readonly place: WorkspacePlace; readonly branchName: string; readonly first: SettingsText },
): BranchSettings {
  const workTree = createUncommittedSettings(place.workspaceDir, branchName);
  let { text } = first;
  let blob: string | undefined;
  return {
    async read() {
      const [now, entry] = [await branch.blobAt(CONFIG_FILE), await branch.treeId(CONFIG_FILE)];
      const seen = now ?? (entry === undefined ? undefined : `no file ${entry}`);
      if (seen === blob) return;
      text = now === undefined ? undefined : await branch.readText(CONFIG_FILE);
      blob = seen;
      // Were it as if there was no file, a link or a folder in its place would take back what the settings forbid.
      if (now === undefined && entry !== undefined) config.takeNone(NO_FILE);
      else config.take(text);
    },
    uncommitted: () => workTree.look(text),
  };
}

export interface ReloadDeps {
  readonly config: LiveConfig;
  readonly policy: LivePolicy;
  readonly settings: Pick<BranchSettings, "uncommitted">;
  /** What tasks may ask for may be more now, or less. */
  readonly onRights: () => void;
  readonly log: Log;
}

/** Returns what looks whether policy and settings were changed; it returns what is wrong with them now. */
export function createReload({ config, policy, settings, onRights, log }: ReloadDeps): () => string | undefined {
  let told = config.current();
  let waits: string | undefined;
  let hadProblem = false;
  return () => {
    const before = policy.current();
    const problems = [config.problem(), policy.reload()].filter((problem) => problem !== undefined);
    const after = policy.current();
    if (after !== before) {
      log("policy", { changed: changedKeys(before, after), sandbox: after.sandbox, verify: after.verify });
      onRights();
    }
    const now = config.current();
    if (now.verifyCommands.join("\0") !== told.verifyCommands.join("\0")) onRights();
    // The end of a problem is logged where problems are.
    if (now !== told && !hadProblem && problems.length === 0) log("settings-read", { hint: atNextStart(told, now) });
    told = now;
    const uncommitted = settings.uncommitted();
    if (uncommitted !== waits)
      log(uncommitted === undefined ? "settings-same" : "settings-uncommitted", { reason: uncommitted });
    waits = uncommitted;
    hadProblem = problems.length > 0;
    return problems.length === 0 ? undefined : problems.join("; ");
  };
}

/** Tells whether a note of the work tree is the file that the branch holds. */
export async function isCommittedNote(
  branch: Pick<Branch, "blobAt" | "hashBlob">,
  workspaceDir: string,
  path: string,
): Promise<boolean> {
  const committed = await branch.blobAt(path);
  if (committed === undefined) return false;
  try {
    const bytes = readBounded(join(workspaceDir, path), NOTE_BYTES_MAX);
    return bytes !== undefined && branch.hashBlob(bytes) === committed;
  } catch (error) {
    if (error instanceof CoordinatorError) return false; // Not a plain file any more.
    throw error;
  }
}

/** Returns the names of the keys whose values differ, or `undefined` where none does. */
function changedKeys(before: Policy, after: Policy): string | undefined {
  const texts = (policy: Policy) => new Map(Object.entries(policy).map(([key, value]) => [key, JSON.stringify(value)]));
  const [old, now] = [texts(before), texts(after)];
  return [...now.keys()].filter((key) => now.get(key) !== old.get(key)).join(",") || undefined;
}
