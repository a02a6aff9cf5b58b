import type { RunProbe } from "../task/state/run.ts";
import type { VerifyFacts, VerifyRequest } from "../task/state/verification.ts";

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
