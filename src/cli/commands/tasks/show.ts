import { hasEnded } from "../../../app/actions/tasks/wait-for-tasks.ts";
import type { TaskDetails } from "../../../app/views/task-view.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import { durationText } from "../../../task/text/duration-text.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";
import { progressLines } from "../../progress-lines.ts";
import { shownTime } from "../../time-text.ts";

/** Of a prompt, and of what a verification printed. --json has all of it. */
const LINES_SHOWN = 40;
const CHARACTERS_SHOWN = 8_000;
const FILES_SHOWN = 50;

export function createShowCommand(deps: CliDeps): Command {
  return {
    name: "show",
    summary: "Show a task: prompt, answer, verification, changed files, and where they are",
    usage: "[--json | --answer | --why] <task>",
    help: [
      "<task>    any unique part of its id, or a session: its open task, else the one that ended last",
      "--answer  the last message alone, as it is",
      "--why     where it works, in the shared checkout or in a worktree, and what decided that",
      "--json    all of it as JSON, as GET /tasks/:id has it",
    ],
    options: { json: { type: "boolean" }, answer: { type: "boolean" }, why: { type: "boolean" } },
    words: { min: 1, max: 1 },
    async run(input) {
      const [part = ""] = input.words;
      const task = await deps.app.show(part);
      if (input.flags.json === true) printJson(deps, task);
      else if (input.flags.answer === true) deps.printData(answerOf(task));
      else if (input.flags.why === true) for (const line of whyLines(task)) deps.print(line);
      else printTask(deps, task);
      return 0;
    },
  };
}

function answerOf({ id, status, result, hold }: TaskDetails): string {
  if (hasEnded({ status })) return result ?? "";
  throw new CoordinatorError(
    "TRY_AGAIN",
    `${id} has no answer yet: it is ${status}${hold === null ? "" : ` (${hold})`}; codex-inbox wait waits for it`,
  );
}

function whyLines({ id, workplace }: TaskDetails): readonly string[] {
  if (workplace === null)
    return [`${id} has not begun, or was committed long ago: where a task works is decided when its run begins`];
  const { kind, dir, score, terms } = workplace;
  const where =
    kind === "shared" ? "in the shared checkout" : `in a worktree of its session${dir === null ? "" : `, ${dir}`}`;
  return [
    `${id} works ${where}`,
    ...terms.map(({ name, points, why }) => `  ${String(points).padStart(4)}  ${name.padEnd(8)}  ${why}`),
    `  ${String(score).padStart(4)}  of 50 that a worktree takes`,
  ];
}

function printTask(deps: CliDeps, task: TaskDetails): void {
  const time = (iso: string): string => shownTime(iso, deps.columns);
  const put = (name: string, value: string | null): void => {
    if (value !== null && value !== "")
      deps.printStyled([{ text: name.padEnd(10), style: "dim" }, { text: ` ${value}` }]);
  };
  deps.printStyled([{ text: task.title, style: "bold" }]);
  put("task", task.id);
  put("status", task.reason === null ? task.status : `${task.status}: ${task.reason}`);
  put("waits", [task.hold, task.holdRemedy].filter((text) => text !== null).join("; "));
  put("session", task.sessionKey);
  put("thread", task.thread);
  put(
    "accepted",
    task.acceptedAt && `${time(task.acceptedAt)} by ${task.requestedBy ?? "unknown"} (${task.origin ?? "unknown"})`,
  );
  put("edited", task.editedBy && `by ${task.editedBy}`);
  put("started", task.startedAt && time(task.startedAt));
  put("ended", task.endedAt && `${time(task.endedAt)}${tookText(task)}`);
  for (const line of progressLines(task, deps.now())) put("now", line);
  put("attempts", task.attempts > 1 ? String(task.attempts) : null);
  put("tokens", tokensText(task));
  put("model", task.model);
  put("file", task.committed ? task.path : `${task.path} (once it is committed)`);
  put("commit", task.commit ?? (task.committed ? `git log -1 -- ${task.path}` : null));
  put("parent", task.parent);
  put("follow-up", task.followUpTask);
  for (const warning of task.warnings) put("warning", warning);
  section(deps, "Prompt", task.prompt);
  section(deps, "Answer", task.result, Number.POSITIVE_INFINITY);
  if (task.verification !== null) {
    const { command, what, outcome } = task.verification;
    section(deps, "Verification", `$ ${String(command)}\n${String(what ?? outcome)}\n${task.verificationOutput ?? ""}`);
  }
  const files = task.changedFiles.slice(0, FILES_SHOWN).map(({ path, change }) => `${change.padEnd(8)} ${path}`);
  const more = task.changedFiles.length - files.length;
  if (files.length > 0)
    section(deps, "Changed files", [...files, ...(more > 0 ? [`and ${more} more`] : [])].join("\n"), files.length + 1);
}

function section(deps: CliDeps, title: string, text: string | null, linesMax = LINES_SHOWN): void {
  if (text === null || text.trim() === "") return;
  const all = text.trimEnd().split("\n");
  const cut =
    linesMax === Number.POSITIVE_INFINITY
      ? all
      : all.slice(0, linesMax).join("\n").slice(0, CHARACTERS_SHOWN).split("\n");
  deps.print("");
  deps.printStyled([{ text: title, style: "bold" }]);
  deps.printText(cut.map((line) => `  ${line}`).join("\n"));
  if (cut.length < all.length) deps.print(`  … ${all.length - cut.length} more lines (--json has all)`);
}

function tookText({ totalDurationMs, durationMs }: TaskDetails): string {
  const ms = totalDurationMs ?? durationMs;
  return ms === null ? "" : `, after ${durationText(ms)} of work`;
}

function tokensText({ totalUsage, usage }: TaskDetails): string | null {
  const sum = totalUsage ?? usage;
  if (sum === null) return null;
  return `${sum.inputTokens} in (${sum.cachedInputTokens} cached), ${sum.outputTokens} out`;
}
