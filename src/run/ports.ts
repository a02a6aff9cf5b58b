import type { TranscriptEntry } from "../task/session/transcript-entry.ts";
import type { CodexInstallation, RunProbe, RunRequest, RunVerdict } from "../task/state/run.ts";
import type { VerifyFacts, VerifyRequest } from "../task/state/verification.ts";

/** What the runtime reads of an event of a run; the rest goes into the transcript at the end. */
export interface RunEvent {
  readonly type: string;
  readonly thread_id?: string;
  readonly item?: { readonly type: string };
}

/** The agent's processes. A run belongs to its folder, not to the coordinator: it can be started by one and collected by the next. */
export interface RunnerPort {
  prepare(request: RunRequest): void;
  /** Returns the process id of the run; `onExit` is called once when it ends while this coordinator lives. */
  start(request: RunRequest, onExit: () => void): number;
  probe(runDir: string): RunProbe;
  /** Makes sure that this run never starts; false when it already did. */
  seal(runDir: string): boolean;
  follow(
    runDir: string,
    fromLine: number,
    onEvent: (line: number, event: RunEvent, seenAtMs: number) => void,
  ): { poll(): void; close(): void };
  judge(runDir: string, askedThread: string | undefined): RunVerdict;
  entries(
    runDir: string,
    context: {
      readonly task: string;
      readonly run: number;
      readonly attempt: number;
      readonly prompt: string;
      readonly startedAtMs: number;
      readonly seenAt: ReadonlyMap<number, number>;
    },
  ): readonly TranscriptEntry[];
  /** Ends the run and everything it started; resolves when no process of it is left. */
  stop(runDir: string, graceMs: number): Promise<void>;
  /** Ends every process of this workspace's runs but the live ones. */
  reap(
    isLive: (task: string, run: number) => boolean,
  ): Promise<readonly { readonly pid: number; readonly task: string; readonly run: number }[]>;
}

/** Finds the codex executable and checks that it can work. Rejects with `CoordinatorError` `CODEX`. */
export interface CodexPort {
  check(): Promise<CodexInstallation>;
  /** Changes when what codex works with was changed: its configuration, its login, the settings of its runs. */
  stamp(): string;
}

/** The processes of verify commands. As with an agent's run, a run belongs to its folder and not to the coordinator. */
export interface VerifierPort {
  /** @throws CoordinatorError `TASK_FILE` where the working directory is not there */
  prepare(request: VerifyRequest): void;
  /** Returns the process id; `onExit` is called once when it ends. @throws CoordinatorError `CODEX` where no process can be made */
  start(request: VerifyRequest, onExit: () => void): number;
  probe(runDir: string): RunProbe;
  /** Makes sure that this run never starts; false when it already did. */
  seal(runDir: string): boolean;
  /** How much the command has printed until now. */
  outputBytes(runDir: string): number;
  /** What the files of an ended run say. */
  read(runDir: string): VerifyFacts;
  /** Ends every process of the run; resolves when none is left. */
  stop(runDir: string, graceMs: number): Promise<void>;
}
