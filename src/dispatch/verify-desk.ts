import { CoordinatorError } from "../base/errors.ts";
import { faultPoint } from "../base/fault-point.ts";
import type { Log, Surroundings } from "../base/surroundings.ts";
import type { FollowUps } from "../intake/follow-ups.ts";
import type { VerifierPort } from "../run/ports.ts";
import { resolveWorkdir } from "../run/workplace/run-paths.ts";
import type { OpenTask } from "../store/open-task.ts";
import { runDirectory, type StatePaths } from "../store/state-paths.ts";
import type { TaskTable } from "../store/task-table.ts";
import { lowerLevel } from "../task/rights/rights.ts";
import type { StopCause } from "../task/state/task-event.ts";
import type { TaskState } from "../task/state/task-state.ts";
import { VERIFY_OUTPUT_BYTES_MAX, type VerifyFacts, type VerifyRequest } from "../task/state/verification.ts";
import type { RunDefaults } from "./run-request.ts";
import { verified } from "./verify-outcome.ts";

export interface VerifyDeskDeps {
  readonly table: TaskTable;
  readonly verifier: VerifierPort;
  readonly followUps: FollowUps;
  readonly paths: StatePaths;
  /** Absolute root of what agents work in. */
  readonly workRoot: string;
  readonly settings: () => VerifySettings;
  readonly surroundings: Surroundings;
  readonly log: Log;
  /** Something happened that the next tick should see. */
  readonly wake: () => void;
}

export interface VerifySettings {
  /** Where a task has none of its own. */
  readonly verifyTimeoutMs: number;
  readonly maxVerifyAttempts: number;
  readonly stopGraceMs: number;
  readonly run: Pick<RunDefaults, "sandbox" | "rights">;
}

/** Starts verify commands, watches them, and takes in how they ended. Decides nothing: the state machine does. */
export interface VerifyDesk {
  /** Watches a verification that an earlier coordinator started. */
  adopt(task: OpenTask): void;
  /** Starts what is to be verified, and looks at everything under way. */
  poll(): Promise<void>;
  /** Asks for the end of a task's verification; the first cause wins. */
  stop(id: string, cause: StopCause): void;
  /** Starts no more verifications: what waits for one keeps until the next coordinator. */
  hold(): void;
  pollDelayMs(): number | undefined;
  /** Verifications under way or about to be. */
  readonly activeCount: number;
  close(): void;
}

interface ActiveVerification {
  readonly id: string;
  readonly run: number;
  readonly runDir: string;
  readonly startedAtMs: number;
  readonly timeoutMs: number;
  readonly claimDueMs: number;
  stopping: boolean;
  collecting: boolean;
}

const POLL_MS = 200;
/** A worker claims its run within milliseconds; one that has not by now died before it could. */
const CLAIM_WAIT_MS = 5_000;

/** Tells whether the run of a state is that of its verify command. */
export function isVerification(state: TaskState): boolean {
  return state.kind === "verifying" || (state.kind === "stopping" && state.verify);
}

export function createVerifyDesk(deps: VerifyDeskDeps): VerifyDesk {
  const { table, verifier, paths, log } = deps;
  const { now } = deps.surroundings;
  const active = new Map<string, ActiveVerification>();
  let held = false;

  const watch = (task: OpenTask): ActiveVerification => {
    const { state } = task;
    const verification: ActiveVerification = {
      id: task.id,
      run: state.run,
      runDir: runDirectory(paths, task.id, state.run),
      startedAtMs: state.kind === "verifying" ? state.startedAtMs : now(),
      timeoutMs: task.spec.verifyTimeoutMs ?? deps.settings().verifyTimeoutMs,
      claimDueMs: now() + CLAIM_WAIT_MS,
      stopping: false,
      collecting: false,
    };
    active.set(task.id, verification);
    return verification;
  };

  const sayStopFailed = ({ id, run }: ActiveVerification, error: unknown): void =>
    log("stop-failed", { task: id, run, reason: String(error) });

  const end = (verification: ActiveVerification, cause: StopCause): void => {
    if (verification.stopping) return;
    verification.stopping = true;
    const graceMs = cause === "output" ? 0 : deps.settings().stopGraceMs; // Else it would go on printing.
    void verifier.stop(verification.runDir, graceMs).then(deps.wake, (error: unknown) => {
      sayStopFailed(verification, error);
      verification.stopping = false; // The next look tries again.
    });
  };

  const stop = (id: string, cause: StopCause): void => {
    const task = table.get(id);
    if (task === undefined) return;
    const after = table.step(id, { kind: "stop", cause });
    if (after.state !== task.state) log("stop", { task: id, session: task.sessionKey, cause });
    if (after.state.kind === "stopping") end(active.get(id) ?? watch(after), after.state.cause);
  };

  const stopOverdue = ({ id, runDir, startedAtMs, timeoutMs }: ActiveVerification): boolean => {
    const cause =
      now() >= startedAtMs + timeoutMs
        ? "timeout"
        : verifier.outputBytes(runDir) > VERIFY_OUTPUT_BYTES_MAX
          ? "output"
          : undefined;
    if (cause !== undefined) stop(id, cause);
    return cause !== undefined;
  };

  const requestOf = (task: OpenTask): VerifyRequest => {
    const { id, sessionKey, spec, state } = task;
    if (spec.verifyCommand === undefined) throw new Error(`${id} has no verify command`);
    const { rights, sandbox } = deps.settings().run;
    const level = spec.sandbox ?? lowerLevel(sandbox, rights.sandbox);
    return {
      ...{ taskId: id, sessionKey, runDir: runDirectory(paths, id, state.run), command: spec.verifyCommand },
      workdir: resolveWorkdir(spec, { workRoot: deps.workRoot, stateDir: paths.root, rights }),
      sandbox: rights.verify === "unsandboxed" || level === "danger-full-access" ? "none" : level,
      environment: spec.environment,
    };
  };

  const takeIn = async (task: OpenTask, facts: VerifyFacts, startedAtMs: number, timeoutMs: number): Promise<void> => {
    const { id, sessionKey, state } = task;
    const attemptsMax = task.spec.maxVerifyAttempts ?? deps.settings().maxVerifyAttempts;
    const taken = verified(task, facts, { timeoutMs, startedAtMs, endedAtMs: now(), attemptsMax });
    const { record, finalFailure } = taken;
    const followUp = finalFailure === undefined ? undefined : await deps.followUps.file(task, finalFailure);
    if (followUp !== undefined) faultPoint("verify:follow-up-filed");
    const after = table.step(
      id,
      taken.event,
      [record, followUp].filter((one) => one !== undefined),
    );
    faultPoint("verify:journaled");
    log("verify-ended", {
      ...{ task: id, session: sessionKey, run: state.run },
      outcome: record?.verification.outcome ?? "vanished",
      state: after.state.kind,
      reason: "reason" in after.state ? after.state.reason : undefined,
      followUp: followUp?.task ?? undefined,
    });
    deps.wake();
  };

  const collect = async (verification: ActiveVerification): Promise<void> => {
    verification.collecting = true;
    faultPoint("verify:exit-seen");
    const { id, runDir, startedAtMs, timeoutMs } = verification;
    // Nothing that a verify command started is meant to outlive it.
    await verifier.stop(runDir, 0).catch((error) => sayStopFailed(verification, error));
    const task = table.get(id);
    if (task === undefined) throw new Error(`${id} was verified but is not open`);
    await takeIn(task, verifier.read(runDir), startedAtMs, timeoutMs);
    active.delete(id);
  };

  /** What cannot be begun says so in place of its files. */
  const refuse = async (task: OpenTask, sandbox: VerifyFacts["sandbox"], said: string): Promise<void> => {
    const nothing = { begun: false, exitCode: 127, signal: undefined, output: "", outputBytes: 0 };
    const facts = { ...nothing, sandbox, said, startedAtMs: undefined, endedAtMs: undefined };
    await takeIn(task, facts, now(), 0);
  };

  const start = async (task: OpenTask): Promise<void> => {
    let request: VerifyRequest;
    try {
      request = requestOf(task);
      verifier.prepare(request);
    } catch (error) {
      if (!(error instanceof CoordinatorError) || error.code !== "TASK_FILE") throw error;
      return refuse(task, "none", error.message);
    }
    const { run } = task.state;
    try {
      const pid = verifier.start(request, deps.wake);
      log("verify-started", { task: task.id, session: task.sessionKey, run, pid, sandbox: request.sandbox });
      watch(task);
    } catch (error) {
      if (!(error instanceof CoordinatorError) || error.code !== "CODEX") throw error;
      if (!verifier.seal(request.runDir)) watch(task);
      else await refuse(task, request.sandbox, error.message);
    }
  };

  const waiting = (): readonly OpenTask[] =>
    held ? [] : [...table.all()].filter(({ id, state }) => state.kind === "verifying" && !active.has(id));

  const look = async (verification: ActiveVerification): Promise<void> => {
    const { id, runDir, claimDueMs } = verification;
    const { kind } = verifier.probe(runDir);
    if (kind === "ended" || kind === "vanished") return collect(verification);
    if (kind === "unclaimed" && now() >= claimDueMs && verifier.seal(runDir)) return collect(verification);
    const state = table.get(id)?.state;
    if (kind === "alive" && !stopOverdue(verification) && state?.kind === "stopping") end(verification, state.cause); // It could not be ended before.
  };

  return {
    adopt: watch,
    async poll() {
      for (const task of waiting()) await start(task);
      await Promise.all([...active.values()].filter(({ collecting }) => !collecting).map(look));
    },
    stop,
    hold() {
      held = true;
    },
    pollDelayMs: () => (active.size > 0 || waiting().length > 0 ? POLL_MS : undefined),
    get activeCount() {
      return active.size + waiting().length;
    },
    close: () => active.clear(),
  };
}
