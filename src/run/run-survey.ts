import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readStamp } from "../base/files/file-stamp.ts";
import { isTaskId } from "../task/names/task-id.ts";
import type { RunProbe } from "../task/state/run.ts";
import { hasTurnEnded } from "./codex/turn-end.ts";
import { findMarkers } from "./worker/processes/marker-scan.ts";
import { probeRun } from "./worker/processes/probe-run.ts";
import { markedRun, readRunCommand } from "./worker/run-directory.ts";

/** A look at the runs of a workspace from beside the coordinator; it changes nothing. */
export interface RunSurvey {
  /** Tasks that have folders of runs, and names there that are none of a task. */
  readonly tasks: readonly string[];
  readonly strangers: readonly string[];
  /** Numbers of a task's runs, ascending. */
  runsOf(task: string): readonly number[];
  /** Looks at one run: at its files, and at all processes of the machine. */
  probe(task: string, run: number): RunProbe["kind"];
  /** Every living process that carries the marker of a run of this workspace. */
  processes(): readonly { readonly pid: number; readonly task: string; readonly run: number }[];
}

/** @param workspaceId tells the processes of this workspace from those of another; `undefined` where it has none yet */
export function surveyRuns(runsDir: string, workspaceId: string | undefined): RunSurvey {
  const { true: tasks = [], false: strangers = [] } = Object.groupBy(namesIn(runsDir), (name) =>
    isTaskId(name) && isFolder(join(runsDir, name)) ? "true" : "false",
  );
  return {
    ...{ tasks, strangers },
    runsOf: (task) =>
      namesIn(join(runsDir, task))
        .map(Number)
        .filter((run) => Number.isSafeInteger(run) && run > 0)
        .sort((a, b) => a - b),
    probe(task, run) {
      const marked = markedRun(runsDir, workspaceId ?? "", { task, run });
      const isAgent = readRunCommand(marked.runDir)?.kind !== "verify";
      return probeRun(marked, isAgent ? hasTurnEnded : undefined).kind;
    },
    processes() {
      if (workspaceId === undefined) return [];
      return findMarkers(`${workspaceId}/`).map(({ pid, marker }) => {
        const [, task = "", run = ""] = marker.split("/");
        return { pid, task, run: Number(run) };
      });
    },
  };
}

function namesIn(folder: string): readonly string[] {
  return isFolder(folder) ? readdirSync(folder).sort() : [];
}

function isFolder(path: string): boolean {
  return readStamp(path)?.kind === "folder";
}
