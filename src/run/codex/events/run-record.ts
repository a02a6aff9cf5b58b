import type { Usage } from "../../../task/state/run.ts";
import type { Keeper } from "../../../task/text/kept-text.ts";
import type { RunEvent, SaidLine } from "../../driver.ts";
import { brokenSandboxWords } from "../../sandbox/broken-sandbox.ts";
import { type CodexItem, parseEventLine } from "./events.ts";
import type { Line } from "./line-reader.ts";
import { createSaidLines } from "./said-lines.ts";
import { boundText, transcriptBody } from "./transcript-body.ts";

/** What the events of a run add up to. */
export interface RunSummary {
  readonly threadId: string | undefined;
  readonly turnEnd: TurnEnd | undefined;
  /** The last message of the agent before its turn was completed; `undefined` where the events hold none. */
  readonly lastMessage: string | undefined;
  readonly usageTotal: Usage | undefined;
  readonly commandCount: number;
  /** What the sandbox said in place of every command, where it let none begin and no file was changed. */
  readonly brokenSandbox: string | undefined;
}

export type TurnEnd = { readonly kind: "completed" } | { readonly kind: "failed"; readonly message: string };

/**
 * What one run has done, put together line by line while it goes on: in bounded memory, whatever it writes. A torn last line (a kill,
 * a full disk) is no line.
 */
export interface RunRecord {
  /** Takes the next line, one after the other; resolves with what it says to those who watch the run. */
  take(line: Line, atMs: number): Promise<RunEvent>;
  summary(): RunSummary;
  /** What the transcript says of it, by line; once it has ended. */
  said(): readonly SaidLine[];
  readonly lineCount: number;
  readonly patches: ReadonlyMap<string, "written" | "refused">;
}

/** An item that has begun. */
interface OpenItem extends SaidLine {
  /** When, Unix ms; `undefined` where that was not seen as it came. */
  readonly sinceMs: number | undefined;
}

/** Items that have begun and not ended, at one time. Codex runs a handful of commands side by side. */
const OPEN_ITEMS_MAX = 1_000;
const PATCHED_PATHS_MAX = 10_000;
/** "Reconnecting... 2/5 (…)": the same notice five times over says no more than once. */
const RETRY_COUNT = /^Reconnecting\.\.\. (\d+\/\d+ )?/;

/**
 * @param workdir paths below it are shown relative to it
 * @param keeper secrets are taken out of what an item says before it is cut to its length: no cut goes through one
 */
export function createRunRecord(workdir: string, keeper: Keeper): RunRecord {
  let threadId: string | undefined;
  let turnEnd: TurnEnd | undefined;
  let lastMessage: string | undefined;
  let usageTotal: Usage | undefined;
  let lastNotice: string | undefined;
  let lineCount = 0;
  let endedCommands = 0;
  let sandboxWords: string | undefined;
  let didSomething = false;
  const open = new Map<string, OpenItem>();
  const said = createSaidLines();
  const patches = new Map<string, "written" | "refused">();

  const addError = async (line: number, atMs: number, message: string): Promise<void> => {
    const notice = message.replace(RETRY_COUNT, "");
    if (notice !== lastNotice)
      said.add({ line, atMs, body: { kind: "error", message: await boundText(keeper, message) } });
    lastNotice = notice;
  };
  const begin = (id: string, entry: OpenItem): void => {
    const { line, sinceMs } = open.get(id) ?? entry;
    open.set(id, { ...entry, line, sinceMs });
    if (open.size <= OPEN_ITEMS_MAX) return;
    const [oldest] = open.keys();
    if (oldest !== undefined) finish(oldest, open.get(oldest)); // It is taken to have ended unseen.
  };
  const finish = (id: string, entry: SaidLine | undefined): void => {
    open.delete(id);
    if (entry === undefined) return;
    if (entry.body.kind === "command") endedCommands += 1;
    said.add(entry);
  };
  const notePatch = (item: CodexItem): void => {
    if (item.type !== "file_change") return;
    for (const { path } of item.changes) {
      if (patches.size >= PATCHED_PATHS_MAX && !patches.has(path)) return;
      if (item.status === "completed") patches.set(path, "written");
      else if (!patches.has(path)) patches.set(path, "refused");
    }
  };
  const noteSandbox = (item: CodexItem): void => {
    if (item.type === "command_execution") {
      const words = item.exit_code === 0 ? undefined : brokenSandboxWords(item.aggregated_output, item.command);
      sandboxWords ??= words;
      didSomething ||= words === undefined;
    } else if (item.type === "file_change") didSomething ||= item.status === "completed";
  };
  const takeItem = async (
    phase: "started" | "updated" | "completed",
    item: CodexItem,
    { line, isOld }: Line,
    atMs: number,
  ): Promise<RunEvent> => {
    const { line: firstLine = line, sinceMs } = open.get(item.id) ?? {};
    const isEnd = phase === "completed" && sinceMs !== undefined && !isOld;
    const durationMs = isEnd ? Math.max(0, Math.round(atMs - sinceMs)) : undefined;
    const body = await transcriptBody(keeper, item, phase !== "completed", workdir);
    const paths = item.type === "file_change" ? item.changes.map(({ path }) => path) : [];
    if (phase !== "completed") begin(item.id, { line, atMs, body, sinceMs: isOld ? undefined : atMs });
    else if (item.type === "error") {
      open.delete(item.id);
      await addError(line, atMs, item.message);
    } else {
      finish(item.id, { line, atMs, body, ...(durationMs === undefined ? {} : { durationMs }) });
      lastNotice = undefined;
      notePatch(item);
    }
    if (phase === "completed") noteSandbox(item);
    if (item.type === "agent_message" && phase !== "updated" && turnEnd === undefined) lastMessage = item.text;
    return { kind: "item", phase, id: item.id, body, paths, line, firstLine, durationMs, atMs, isOld };
  };

  return {
    async take(line, atMs) {
      lineCount = line.line;
      const event = parseEventLine(line.text);
      const notice: RunEvent = { kind: "notice", atMs, isOld: line.isOld };
      switch (event.type) {
        case "thread.started":
          threadId ??= event.thread_id;
          return { ...notice, kind: "thread", thread: event.thread_id };
        case "turn.completed":
          turnEnd = { kind: "completed" };
          usageTotal = event.usage;
          return notice;
        case "turn.failed":
          turnEnd = { kind: "failed", message: event.message };
          return notice;
        case "error":
          await addError(line.line, atMs, event.message);
          return notice;
        case "item.started":
        case "item.updated":
        case "item.completed":
          return takeItem(PHASES[event.type], event.item, line, atMs);
        default:
          return notice;
      }
    },
    summary() {
      const openCommands = [...open.values()].filter(({ body }) => body.kind === "command").length;
      const brokenSandbox = didSomething || openCommands > 0 ? undefined : sandboxWords;
      return {
        ...{ threadId, turnEnd, lastMessage, usageTotal, commandCount: endedCommands + openCommands, brokenSandbox },
      };
    },
    // A background command, or the run was cut off. The line of the start is free: only the end of an item takes its own.
    said: () => said.all([...open.values()].map(({ line, atMs, body }) => ({ line, atMs, body }))),
    get lineCount() {
      return lineCount;
    },
    patches,
  };
}

const PHASES = { "item.started": "started", "item.updated": "updated", "item.completed": "completed" } as const;
