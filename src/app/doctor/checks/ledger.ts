import { foldLedger, isFinal, LEDGER_ROTATE_BYTES, parseLedger } from "../../../task/ledger/ledger.ts";
import { isDatedFolder } from "../../../task/names/session-key.ts";
import { taskIdDate } from "../../../task/names/task-id.ts";
import { LEDGER, ROTATED_LEDGERS } from "../../../task/records/workspace-paths.ts";
import { isConflictMarker } from "../../../task/text/one-line.ts";
import type { Check, Tell } from "../check.ts";
import type { BranchTip } from "../ground.ts";

/** Days of closed ledgers that are looked at without `--all`. */
const DAYS_MAX = 3;
const CLOSED_NAME = /^[0-9a-z]+-\d{4,}\.md$/;
/** A row of ours begins so, of whatever version it is. */
const ROW = /^\| \d{4}-/;
const LINES_SHOWN = 5;

/** The rows of the ledger can be read. */
export const ledgerCheck: Check = {
  name: "ledger",
  what: "Every row of tasks.md and of the closed ledgers can be read, and stands where it is looked for",
  why: "The state of a task is the join of its rows: what cannot be read does not count, and a finished task may seem open again",
  async look({ all, tip: open }, tell) {
    const tip = await open();
    const text = await tip.readText(LEDGER);
    if (text === undefined) {
      tell.problem({ path: LEDGER, message: "the branch does not hold it", remedy: "codex-inbox init makes it" });
      return;
    }
    tellText(LEDGER, text, undefined, tell);
    const rows = [...foldLedger(parseLedger(text)).values()];
    const openRows = rows.filter(({ status }) => !isFinal(status)).length;
    const perRow = text.length / Math.max(1, rows.length);
    if (text.length - openRows * perRow > 3 * LEDGER_ROTATE_BYTES)
      tell.note({
        path: LEDGER,
        message: `it has ${text.length} characters, most of finished tasks`,
        remedy: "nothing needs to be done: the next commit of a result moves them into tasks/<day>/",
      });
    const days = (await tip.listFolder(ROTATED_LEDGERS)).map(({ name }) => name).sort();
    for (const day of all ? days : days.slice(-DAYS_MAX)) await tellDay(tip, day, tell);
  },
};

async function tellDay(tip: BranchTip, day: string, tell: Tell): Promise<void> {
  const folder = `${ROTATED_LEDGERS}/${day}`;
  if (!isDatedFolder(day)) {
    tell.note({ path: folder, message: "it is no day: nothing is looked for in it", remedy: "move it elsewhere" });
    return;
  }
  for (const { name } of await tip.listFolder(folder)) {
    const path = `${folder}/${name}`;
    if (!CLOSED_NAME.test(name))
      tell.note({
        path,
        message: "it has no name of a closed ledger (<clone>-<number>.md); its rows count all the same",
        remedy: "nothing needs to be done",
      });
    tellText(path, (await tip.readText(path)) ?? "", day, tell);
  }
}

/** @param day the one that the tasks of a closed ledger belong to */
function tellText(path: string, text: string, day: string | undefined, tell: Tell): void {
  const lines = text.split("\n");
  tell.looked("ledgers", 1);
  const unreadable = lines.flatMap((line, at) => (ROW.test(line) && parseLedger(line).length === 0 ? [at + 1] : []));
  if (unreadable.length > 0)
    tell.problem({
      path,
      message: `${lineWords(unreadable)} cannot be read as a row`,
      remedy: `git log -p -- ${path} shows what stood there; put it right, or take it out, in a commit`,
    });
  const marked = lines.flatMap((line, at) => (isConflictMarker(line) ? [at + 1] : []));
  if (marked.length > 0)
    tell.problem({
      path,
      message: `${lineWords(marked)}: markers of a conflict were committed`,
      remedy: "take these lines out in a commit and leave the rows of both sides: order and repeats do not matter",
    });
  const rows = parseLedger(text);
  tell.looked("rows", rows.length);
  const stray = day === undefined ? [] : rows.filter(({ task }) => taskIdDate(task) !== day);
  const [first] = stray;
  if (first !== undefined)
    tell.problem({
      path,
      message: `${stray.length} rows are of tasks of another day (${first.task}), and are not found there`,
      remedy: `move them into ${ROTATED_LEDGERS}/${taskIdDate(first.task)}/, in a commit`,
    });
  const repeated = lines.filter((line) => ROW.test(line)).length - new Set(lines.filter((line) => ROW.test(line))).size;
  if (repeated > 0)
    tell.note({
      path,
      message: `${repeated} rows stand there more than once, as merges leave them`,
      remedy: "nothing needs to be done; codex-inbox compact-tasks takes them out",
    });
}

export function lineWords(lines: readonly number[]): string {
  const shown = lines.slice(0, LINES_SHOWN).join(", ");
  const more = lines.length > LINES_SHOWN ? ` and ${lines.length - LINES_SHOWN} more` : "";
  return `line${lines.length === 1 ? "" : "s"} ${shown}${more}`;
}
