import { CoordinatorError } from "../../base/errors.ts";
import type { Log } from "../../base/surroundings.ts";
import type { Branch } from "../../git/branch.ts";
import type { RedactedDrop, TaskSource } from "../../store/journal/journal-record.ts";
import type { BrokenDrop, Drop } from "../../task/file/drop.ts";
import { keepDrop } from "../../task/file/kept-drop.ts";
import { describeProblems } from "../../task/spec/task-problem.ts";
import type { TaskProblem } from "../../task/spec/task-spec.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import type { Intake } from "../inbox/intake.ts";

/** A drop without its secrets. */
export interface AcceptedDrop extends Pick<Drop, "text" | "spec" | "folderKey"> {
  /** What was taken out. */
  readonly kinds: readonly string[];
}

/** What the journal says of where a drop came from, and of what was taken out of it. */
export interface DropFacts {
  readonly source: TaskSource | null;
  readonly redacted?: RedactedDrop;
}

export interface KeptDropsDeps {
  readonly keeper: Keeper;
  readonly branch: Branch;
  readonly intake: Intake;
  readonly log: Log;
}

/** Takes the secrets out of drops, before anything of them is kept. Which drop it is, its blob tells: that of the file as it was. */
export interface KeptDrops {
  /** Returns what may be accepted; a drop that is no task without its secrets is broken, and the inbox is told. */
  keep(drop: Drop): Promise<AcceptedDrop | BrokenDrop>;
  /** Does the same with what came another way. @throws CoordinatorError `TASK_FILE` where no task is left */
  submitted(text: string, spec: Drop["spec"]): Promise<AcceptedDrop>;
  /** Says at once where a secret was found: one that came by commit is in the history already. */
  factsOf(id: string, drop: AcceptedDrop, source: TaskSource | undefined): Promise<DropFacts>;
}

const REVOKE =
  "the secret is in the history of this branch already: revoke it, then take it out of the history (git filter-repo) if you must";

export function createKeptDrops({ keeper, branch, intake, log }: KeptDropsDeps): KeptDrops {
  const accepted = async (
    drop: Pick<Drop, "text" | "spec" | "folderKey">,
  ): Promise<AcceptedDrop | { readonly problems: readonly TaskProblem[] }> => {
    const kept = await keepDrop(drop, keeper);
    if (!kept.ok) return { problems: kept.problems };
    const { text, folderKey, kinds } = kept;
    return { text, folderKey, kinds, spec: { ...kept.spec, id: drop.spec.id } };
  };
  return {
    async keep(drop) {
      const kept = await accepted(drop);
      if ("text" in kept) return kept;
      const broken = { path: drop.path, blob: drop.blob, problems: kept.problems };
      intake.refuse(broken);
      return broken;
    },
    async submitted(text, spec) {
      const kept = await accepted({ text, spec, folderKey: undefined });
      if ("text" in kept) return kept;
      throw new CoordinatorError("TASK_FILE", describeProblems(kept.problems));
    },
    async factsOf(id, drop, source) {
      if (source === undefined && drop.kinds.length === 0) return { source: null };
      const path = source === undefined ? undefined : keeper.keepName(source.path);
      const inName = source === undefined || path === source.path ? [] : keeper.kindsIn(source.path);
      const kinds = [...new Set([...drop.kinds, ...inName])];
      const kept = source === undefined || path === undefined ? null : { ...source, path };
      if (kinds.length === 0) return { source: kept };
      const brought = source?.tracked === "head" ? await branch.introducedBy(source.path) : undefined;
      const commit = typeof brought === "object" ? brought.commit : null;
      const isInHistory = source?.tracked === "head";
      const fields = { task: id, source: path, kinds: kinds.join(" ") };
      if (isInHistory) log("secret-in-history", { ...fields, commit: commit ?? undefined, hint: REVOKE });
      else log("secret-redacted", fields);
      return { source: kept, redacted: { kinds, commit } };
    },
  };
}
