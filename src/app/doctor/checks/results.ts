import { findIntroduction } from "../../../git/repository/history.ts";
import { taskHistory } from "../../../git/repository/task-history.ts";
import { findTaskFile } from "../../../store/branch/foreign-tasks.ts";
import { isFinal, type LedgerRow } from "../../../task/ledger/ledger.ts";
import { sessionKeyProblem } from "../../../task/names/session-key.ts";
import { isTaskId } from "../../../task/names/task-id.ts";
import type { Check, Tell } from "../check.ts";
import type { Ground } from "../ground.ts";
import { RECENT_TASKS, rowsOf } from "../recent.ts";

/** What the ledger says of a task is what its file says. */
export const resultsCheck: Check = {
  name: "results",
  what: "What the ledger says of a task is what its file says, a finished task has its file, and an open one of this clone its journal",
  why: "Ledger and files are two records of one thing: where they differ, one of them shows people something that is not so",
  async look(ground, tell) {
    for await (const row of rowsOf(ground)) {
      tell.looked(isFinal(row.status) ? "finished tasks" : "open tasks", 1);
      await tellRow(ground, row, tell);
    }
  },
};

async function tellRow(ground: Ground, row: LedgerRow, tell: Tell): Promise<void> {
  const { task, status, session, result } = row;
  const tip = await ground.tip();
  const found = await findTaskFile(tip, { task, session, path: result?.path });
  if (found === undefined) {
    await tellMissing(ground, row, tell);
    return;
  }
  const { file, path } = found;
  if (result !== undefined && result.path !== path && (await tip.blobAt(result.path)) === undefined)
    tell.note({
      path,
      message: `the ledger links the file of ${task} at ${result.path}, where nothing is`,
      remedy: "nothing needs to be done: commands find it by its name",
    });
  if (!isFinal(status) && isFinal(file.status))
    tell.note({
      path,
      message: `the ledger calls ${task} ${status}, its file ${file.status}: a merge has brought back rows that had been moved away`,
      remedy: "nothing needs to be done: the word of the file is final",
    });
  else if (!isFinal(status)) await tellOpen(ground, row, file.frontMatter.acceptedBy, path, tell);
  else if (file.status !== status) {
    const isMerged = ((await tip.readText(path)) ?? "").split(/^status: /m).length > 2;
    tell[isMerged ? "note" : "problem"]({
      path,
      message: `the ledger calls ${task} ${status}, its file ${file.status}`,
      remedy: isMerged
        ? "nothing needs to be done: two clones have run it, and the file shows both outcomes"
        : "somebody has edited one of them: put it right in a commit (git log -- the file tells who)",
    });
  }
}

/** A task that this clone has accepted has its journal here until its result is committed. */
async function tellOpen(ground: Ground, row: LedgerRow, clone: unknown, path: string, tell: Tell): Promise<void> {
  if (clone !== ground.clone || ground.clone === undefined || ground.journalIds().has(row.task)) return;
  tell.problem({
    path,
    message: `${row.task} was accepted here and has not ended, but its journal is gone (removed, or set aside as damaged)`,
    remedy:
      "codex-inbox serve --take-over queues it anew from this file; or remove the file in a commit, which cancels it",
  });
}

async function tellMissing(ground: Ground, row: LedgerRow, tell: Tell): Promise<void> {
  const { task, status, result, session } = row;
  if (!isFinal(status)) {
    if (ground.journalIds().has(task)) return; // Its file comes with its result.
    tell.note({
      path: `sessions/${session}`,
      message: `the ledger calls ${task} ${status}; neither a file nor a journal here tells of it`,
      remedy: "nothing needs to be done: it counts as none",
    });
    return;
  }
  const [tip, repository] = [await ground.tip(), await ground.repository()];
  const gone =
    result === undefined ? undefined : await findIntroduction(repository, tip.commit, repository.prefix + result.path);
  const where = result?.path ?? `sessions/${session}`;
  if (gone === undefined)
    tell.problem({
      path: where,
      message: `the ledger calls ${task} ${status}, and no commit of the branch has its file`,
      remedy:
        "where the branch lost it less than 256 tasks ago the next coordinator commits it again; else look in git reflog",
    });
  else
    tell.note({
      path: where,
      message: `the result of ${task} was removed${gone === "beyond-history" ? "" : ` by commit ${gone.commit.slice(0, 12)}`}`,
      remedy:
        gone === "beyond-history"
          ? "git fetch --unshallow tells by which commit"
          : `if that was not meant: git restore --source ${gone.commit.slice(0, 12)}~ -- ${where}`,
    });
}

/** The trailers of our commits lead to tasks. */
export const historyCheck: Check = {
  name: "history",
  what: "Each commit of a result names a task and a session that the ledger or a file tells of",
  why: "Whoever reviews with git log alone finds the rest of a task by these trailers",
  async look(ground, tell) {
    const [tip, repository] = [await ground.tip(), await ground.repository()];
    for await (const { commit, task, session } of taskHistory(
      repository,
      tip.commit,
      ground.all ? undefined : RECENT_TASKS,
    )) {
      tell.looked("commits", 1);
      const short = commit.slice(0, 12);
      if (!isTaskId(task) || sessionKeyProblem(session) !== undefined) {
        const message = `commit ${short} has trailers that name no task and session: ${task}, ${session}`;
        tell.problem({
          path: short,
          message,
          remedy: "it was not made by codex-inbox, or was reworded; nothing reads it",
        });
        continue;
      }
      if ((await tip.ledger.find(task)) !== undefined || (await findTaskFile(tip, { task, session })) !== undefined)
        continue;
      tell.problem({
        path: short,
        message: `commit ${short} tells the end of ${task}, and neither the ledger nor a file does`,
        remedy: `git show ${short} has its file: bring back what was lost in a commit of your own (git log -- tasks.md tells how)`,
      });
    }
  },
};
