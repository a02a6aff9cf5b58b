import type { Branch } from "../../git/branch.ts";
import type { TaskJournal } from "../../store/journal/task-journal.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import { sessionFolder, transcriptPath } from "../../task/records/workspace-paths.ts";
import { parseTranscript } from "../../task/session/transcript.ts";
import type { TranscriptEntry } from "../../task/session/transcript-entry.ts";

export interface SessionRecapDeps {
  readonly branch: Pick<Branch, "readText" | "listFolder">;
  readonly journal: TaskJournal;
  readonly table: TaskTable;
}

/**
 * Returns what was said in a task's session until now, oldest first: what the branch has of it (of the closed transcripts the newest
 * alone), what waits for its commit, and what the task's own earlier runs brought. Its own prompt is left out.
 */
export async function sessionEntries(
  { branch, journal, table }: SessionRecapDeps,
  task: OpenTask,
): Promise<readonly TranscriptEntry[]> {
  const folder = `${sessionFolder(task.sessionKey)}/transcript`;
  const closed = (await branch.listFolder(folder)).map(({ name }) => name).sort();
  const paths = [...closed.slice(-1).map((name) => `${folder}/${name}`), transcriptPath(task.sessionKey)];
  const texts: string[] = [];
  for (const path of paths) texts.push((await branch.readText(path)) ?? "");
  const waiting = [...table.all()]
    .filter(({ sessionKey, state, id }) => sessionKey === task.sessionKey && (state.kind === "ended" || id === task.id))
    .sort((a, b) => a.order - b.order)
    .flatMap(({ id }) => journal.read(id).flatMap((record) => (record.k === "run" ? record.entries : [])));
  return [...parseTranscript(texts.join("\n")), ...waiting].filter(
    (entry) => entry.task !== task.id || entry.body.kind !== "user",
  );
}
