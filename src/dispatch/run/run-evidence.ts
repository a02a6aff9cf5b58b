import type { RunEvent, RunKey } from "../../run/driver.ts";

/** Tells which run has left a file in the inbox, by what the runs have said of themselves. */
export interface DropAuthor {
  /**
   * Returns the run whose own patch wrote `path` (absolute), or else one that ran a command that names the inbox when the file was
   * last changed (Unix ms); `undefined` where nothing says so.
   */
  dropAuthor(path: string, modifiedAtMs: number): RunKey | undefined;
}

/** What runs say of the files they write, while they run and for a while after. */
export interface RunEvidence extends DropAuthor {
  noticed(run: RunKey, event: RunEvent): void;
  over(run: RunKey): void;
}

interface Evidence {
  readonly run: RunKey;
  readonly paths: Set<string>;
  /** Commands that name the inbox, by item; the newest last. */
  readonly commands: Map<string, { readonly fromMs: number; untilMs: number }>;
  overAtMs: number | undefined;
}

const RUNS_MAX = 200;
const PATHS_MAX = 1_000;
const COMMANDS_MAX = 200;
const KEPT_MS = 600_000;
/** The kernel stamps files in steps of a few milliseconds, and events are read a moment after they were written. */
const SLACK_MS = 1_000;

export function createRunEvidence(now: () => number): RunEvidence {
  const kept = new Map<string, Evidence>();
  const keyOf = ({ task, run }: RunKey): string => `${task}/${run}`;
  const of = (run: RunKey): Evidence => {
    const known = kept.get(keyOf(run));
    if (known !== undefined) return known;
    const evidence = {
      run: { task: run.task, run: run.run },
      paths: new Set<string>(),
      commands: new Map(),
      overAtMs: undefined,
    };
    kept.set(keyOf(run), evidence);
    for (const [key, { overAtMs }] of kept)
      if (overAtMs !== undefined && (kept.size > RUNS_MAX || now() - overAtMs > KEPT_MS)) kept.delete(key);
    return evidence;
  };

  return {
    noticed(run, event) {
      if (event.kind !== "item") return;
      const { body, id, phase, atMs, paths } = event;
      if (body.kind === "files" && body.status !== "failed" && body.status !== "declined") {
        const evidence = of(run);
        for (const path of paths) if (evidence.paths.size < PATHS_MAX) evidence.paths.add(path);
      }
      if (body.kind !== "command" || !/inbox/i.test(body.command)) return;
      const { commands } = of(run);
      const fromMs = commands.get(id)?.fromMs ?? atMs;
      commands.set(id, { fromMs, untilMs: phase === "completed" ? atMs : Number.POSITIVE_INFINITY });
      const [oldest] = commands.keys();
      if (commands.size > COMMANDS_MAX && oldest !== undefined) commands.delete(oldest);
    },
    over(run) {
      const evidence = kept.get(keyOf(run));
      if (evidence === undefined) return;
      evidence.overAtMs = now();
      for (const command of evidence.commands.values()) command.untilMs = Math.min(command.untilMs, now());
    },
    dropAuthor(path, modifiedAtMs) {
      const runs = [...kept.values()].reverse();
      const wrote = runs.find(({ paths }) => paths.has(path));
      const ran = (): Evidence | undefined =>
        runs.find(({ commands }) =>
          [...commands.values()].some(
            ({ fromMs, untilMs }) => modifiedAtMs >= fromMs - SLACK_MS && modifiedAtMs <= untilMs + SLACK_MS,
          ),
        );
      return (wrote ?? ran())?.run;
    },
  };
}
