import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { blobId } from "../../support/git-stress/user-files.ts";
import type { TortureHome } from "../home/torture-home.ts";
import type { BranchContent } from "./branch-findings.ts";

/** One line of what the agents have noted of themselves (test/fixtures/torture-agent.sh). */
interface AgentNote {
  readonly kind: string;
  /** "clone/task/run" */
  readonly marker: string;
  readonly task: string;
  readonly run: number;
  readonly number: number;
  readonly text: string;
}

export function readNotes({ codexHome }: Pick<TortureHome, "codexHome">): readonly AgentNote[] {
  const lines = readFileSync(join(codexHome, "agent.log"), "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, kind = "", marker = "", number = "", text = ""] = /^(\w+) (\S+) (\d+) (.*)$/.exec(line) ?? [];
    const [, task = "", run = ""] = marker.split("/");
    return kind === "" ? [] : [{ kind, marker, task, run: Number(run), number: Number(number), text }];
  });
}

/** Returns what ran twice, or beside itself. */
export function checkStarts(notes: readonly AgentNote[]): readonly string[] {
  const problems = notes
    .filter(({ kind }) => kind === "clash")
    .map(({ marker, text }) => `${marker} began while ${text}`);
  const starts = notes.filter(({ kind }) => kind === "start");
  for (const [marker, same] of Map.groupBy(starts, (note) => note.marker))
    if (same.length > 1) problems.push(`${marker} was started ${same.length} times`);
  return problems;
}

/** Returns the tasks that were run again after they had succeeded. @param verified numbers of tasks with a verify command: those may */
export function checkNotAgain(notes: readonly AgentNote[], verified: ReadonlySet<number>): readonly string[] {
  const done = new Map<string, string>();
  const problems: string[] = [];
  for (const { kind, task, number, marker, text } of notes) {
    if (kind === "start" && done.has(task) && !verified.has(number))
      problems.push(`${marker} began after ${done.get(task)} was done`);
    if (kind === "end" && text === "ok") done.set(task, marker);
  }
  return problems;
}

/** Returns the messages of agents that no transcript has, of tasks that the branch has. */
export function checkTranscripts(notes: readonly AgentNote[], { tasks, entries }: BranchContent): readonly string[] {
  const known = new Set(tasks.map(({ id }) => id));
  const said = new Set(
    entries.flatMap(({ task, run, body }) => (body.kind === "assistant" ? [`${task} ${run} ${body.text}`] : [])),
  );
  return notes
    .filter(({ kind, task }) => kind === "said" && known.has(task))
    .filter(({ task, run, text }) => !said.has(`${task} ${run} ${text}`))
    .map(({ marker, text }) => `no transcript has what ${marker} said: ${text}`);
}

/** Returns what was written by agents, and into worktrees by others, and is neither in git, by a ref, nor where it was written. */
export function checkBytes(home: TortureHome, notes: readonly AgentNote[]): readonly string[] {
  /** What a run has written last at a path: what it has overwritten itself is its own affair. */
  const last = new Map<string, { readonly by: string; readonly path: string; readonly text: string }>();
  for (const { kind, marker, text } of notes) {
    if (kind !== "wrote") continue;
    const [, path = "", content = ""] = /^(\S+) (.*)$/.exec(text) ?? [];
    last.set(`${marker} ${path}`, { by: marker, path, text: `${content}\n` });
  }
  const wanted = [...last.values(), ...home.outside.map(({ path, text }) => ({ by: "somebody", path, text }))];
  const { repo } = home;
  const reachable = new Set(
    repo
      .git("rev-list", "--objects", "--all", "--reflog")
      .split("\n")
      .map((line) => line.slice(0, 40)),
  );
  const onDisk = new Set([...textsBelow(join(home.dir, "agent")), ...textsBelow(`${home.dir}-inbox-trees`)]);
  return wanted
    .filter(({ text }) => !reachable.has(blobId(text)) && !onDisk.has(text))
    .map(({ by, path, text }) => `what ${by} wrote is nowhere: ${path}: ${text.trim()}`);
}

/** Folders that are about to be deleted do not count. */
function textsBelow(dir: string): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith(".trash-") ? [] : textsBelow(path);
    return entry.isFile() && statSync(path).size < 1_000 ? [readFileSync(path, "utf8")] : [];
  });
}
