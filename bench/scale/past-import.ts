import { emptyLedger, LEDGER_ROTATE_BYTES, type LedgerRow, rotateLedger } from "../../src/task/ledger/ledger.ts";
import {
  LEDGER,
  rotatedLedgerPath,
  rotatedTranscriptPath,
  sessionFactsPath,
  transcriptPath,
} from "../../src/task/records/workspace-paths.ts";
import { TRANSCRIPT_ROTATE_BYTES } from "../../src/task/session/transcript.ts";
import { appendEntries, appendFacts, appendRows, renderTaskFile, taskCommitMessage } from "../../test/support/kept.ts";
import type { PastTask } from "./past-tasks.ts";

/**
 * A busy coordinator writes the ledger in the last commit of each batch. Writing it with every commit would store 64 KB each:
 * most of the time of a build, and nothing that a later task reads.
 */
const TASKS_PER_BATCH = 20;
/** So many tasks stand in tasks.md when the past ends, in a history of any length: it grows and is emptied in turns otherwise. */
const ROWS_KEPT_TASKS = 100;
const CLONE = "bench0";

/** Writes `git fast-import` commands that add one commit per task to `branch`, which has to exist. */
export function* importCommands(tasks: Iterable<PastTask>, count: number, branch: string): Generator<string> {
  const ledger = createLedger();
  const sessions = createSessions();
  let index = 0;
  for (const task of tasks) {
    index += 1;
    const { record } = task;
    const files: File[] = [[task.path, renderTaskFile(record)]];
    files.push(...sessions.add(task));
    ledger.add(task);
    if (index === count - ROWS_KEPT_TASKS) files.push(...ledger.write(0));
    else if (index % TASKS_PER_BATCH === 0 || index === count) files.push(...ledger.write(LEDGER_ROTATE_BYTES));
    yield commit(branch, index === 1, task, files);
  }
}

type File = readonly [path: string, content: string];

function commit(branch: string, isFirst: boolean, { record, endedAtMs }: PastTask, files: readonly File[]): string {
  const message = taskCommitMessage(record);
  const seconds = Math.floor(endedAtMs / 1_000);
  return [
    `commit ${branch}\ncommitter codex-inbox <bench@example.org> ${seconds} +0000\n${data(message)}`,
    isFirst ? `from ${branch}^0\n` : "",
    ...files.map(([path, content]) => `M 100644 inline ${path}\n${data(content)}`),
    "\n",
  ].join("");
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

function createLedger(): { add(task: PastTask): void; write(limitBytes: number): readonly File[] } {
  let text: string = emptyLedger();
  let waiting: LedgerRow[] = [];
  const used = new Map<string, number>();
  return {
    add(task) {
      waiting.push(...task.rows);
    },
    write(limitBytes) {
      const rotation = rotateLedger(text, () => false, limitBytes);
      const files: File[] = [];
      for (const [date, rows] of rotation?.closed ?? []) {
        const sequence = (used.get(date) ?? 0) + 1;
        used.set(date, sequence);
        files.push([rotatedLedgerPath(date, CLONE, sequence), String(appendRows(undefined, rows))]);
      }
      text = String(appendRows(rotation?.ledger ?? text, waiting));
      waiting = [];
      return [...files, [LEDGER, text]];
    },
  };
}

/** Keeps the growing files of the named sessions. */
function createSessions(): { add(task: PastTask): readonly File[] } {
  const named = new Map<string, { transcript: string; facts: string; rotated: number }>();
  return {
    add({ record, entries, facts }) {
      const { sessionKey: key } = record;
      const session = named.get(key) ?? { transcript: "", facts: "", rotated: 0 };
      const files: File[] = [];
      if (Buffer.byteLength(session.transcript) > TRANSCRIPT_ROTATE_BYTES) {
        session.rotated += 1;
        files.push([rotatedTranscriptPath(key, CLONE, session.rotated), session.transcript]);
        session.transcript = "";
      }
      session.transcript += String(appendEntries(undefined, entries));
      session.facts = String(appendFacts(session.facts, facts));
      if (key.startsWith("area-")) named.set(key, session);
      return [...files, [transcriptPath(key), session.transcript], [sessionFactsPath(key), session.facts]];
    },
  };
}
