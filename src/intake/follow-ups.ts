import { createHash } from "node:crypto";
import { CoordinatorError } from "../base/errors.ts";
import type { FollowUpRecord } from "../store/journal/journal-record.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import type { OpenTask } from "../store/tasks/open-task.ts";
import { readPrompt } from "../store/tasks/task-prompt.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import type { Drop } from "../task/file/drop.ts";
import { parseDropText } from "../task/file/task-file.ts";
import { taskIdFromCommit } from "../task/names/task-id.ts";
import type { Origin } from "../task/rights/origin.ts";
import { describeProblems } from "../task/spec/task-problem.ts";
import { followUpPrompt } from "../task/state/repair-prompt.ts";
import type { Verification } from "../task/state/verification.ts";

export interface FollowUpsDeps {
  readonly table: Pick<TaskTable, "get" | "index">;
  readonly journal: Pick<TaskJournal, "read">;
  /** Accepts a task, or returns the one that is known under its id. */
  readonly submit: (text: string, drop: Pick<Drop, "spec">, origin: Origin) => Promise<{ readonly id: string }>;
  /** Who asks for what a task brings about. */
  readonly originOf: (task: string) => Origin;
  readonly settings: () => FollowUpSettings;
}

export interface FollowUpSettings {
  /** Where a task does not say. */
  readonly followUp: boolean | string;
  readonly maxFollowUpDepth: number;
}

/** Files the tasks that go on where another one has never passed its verification. */
export interface FollowUps {
  /**
   * Files the follow-up of `task`, if one is wanted: durably, once, however often it is asked for. Returns what its parent is to
   * remember: which task that is, or why there is none.
   */
  file(task: OpenTask, failed: Verification): Promise<FollowUpRecord | undefined>;
}

/** Open follow-ups of one coordinator. */
const OPEN_MAX = 20;
const TITLE_PREFIX = "Follow-up: ";
/** What a follow-up has from its parent; nothing that makes the parent itself (id, resume, dependsOn, images …). */
const INHERITED = [
  ...[
    "verifyCommand",
    "verifyTimeoutMs",
    "maxVerifyAttempts",
    "workdir",
    "sandbox",
    "model",
    "oss",
    "codexConfig",
    "environment",
  ],
  ...["timeoutMs", "stallTimeoutMs", "maxAttempts", "retryMaxMs", "priority", "memory"],
] as const;

export function createFollowUps({ table, journal, submit, originOf, settings }: FollowUpsDeps): FollowUps {
  const none = (why: string): FollowUpRecord => ({ k: "follow-up", task: null, why });

  return {
    async file(task, failed) {
      const { followUp, maxFollowUpDepth } = settings();
      const wanted = task.spec.followUp ?? followUp;
      if (wanted === false) return undefined;
      const id = followUpId(task.id);
      const known = table.get(id);
      if (known !== undefined) return { k: "follow-up", task: known.id };
      const depth = task.spec.followUpDepth;
      if (depth >= maxFollowUpDepth)
        return none(`the chain is ${depth} long already, and maxFollowUpDepth is ${maxFollowUpDepth}`);
      const open = table.index.counts().followUps;
      if (open >= OPEN_MAX) return none(`${open} follow-ups are open already`);
      const sessionKey = typeof wanted === "string" ? wanted : task.sessionKey;
      const text = followUpText(task, { id, sessionKey, followUp: wanted }, readPrompt(journal.read(task.id)), failed);
      const parsed = parseDropText(text, undefined); // With the rights of a dropped file, no more.
      if (!parsed.ok) return none(describeProblems(parsed.problems));
      try {
        return { k: "follow-up", task: (await submit(text, parsed, originOf(task.id))).id };
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        return none(error.message); // Its session or its id cannot be. What it asks for is judged when it starts.
      }
    },
  };
}

/** Made of the parent's alone, so that a crash between the filing and the parent's end files it once. */
function followUpId(parent: string): string {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/.exec(parent)?.map(Number) ?? [];
  const timeMs = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  return taskIdFromCommit(timeMs, createHash("sha256").update(`follow-up\0${parent}`).digest("hex"));
}

function followUpText(
  { id: parent, spec }: OpenTask,
  own: { readonly id: string; readonly sessionKey: string; readonly followUp: boolean | string },
  prompt: string,
  failed: Verification,
): string {
  const inherited = Object.entries(spec.frontMatter).filter(([key]) => INHERITED.some((name) => name === key));
  const title = spec.title.startsWith(TITLE_PREFIX) ? spec.title : `${TITLE_PREFIX}${spec.title}`;
  const frontMatter = {
    ...Object.fromEntries(inherited),
    ...own,
    title,
    parent,
    followUpDepth: spec.followUpDepth + 1,
  };
  return `---\n${JSON.stringify(frontMatter)}\n---\n${followUpPrompt(prompt, failed, { id: parent })}`;
}
