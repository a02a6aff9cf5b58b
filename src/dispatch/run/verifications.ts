import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import type { Log, Surroundings } from "../../base/surroundings.ts";
import { worldFaultCode } from "../../base/world-fault.ts";
import type { FollowUps } from "../../intake/follow-ups.ts";
import type { VerifyDriver } from "../../run/driver.ts";
import { brokenSandboxWords } from "../../run/sandbox/broken-sandbox.ts";
import { resolveWorkdir } from "../../run/workplace/run-paths.ts";
import type { RunPlaces } from "../../run/workplace/run-places.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import { expectOpen, type TaskTable } from "../../store/tasks/task-table.ts";
import type { RightsByOrigin } from "../../task/rights/origin-rights.ts";
import { lowerLevel } from "../../task/rights/rights.ts";
import { VERIFY_OUTPUT_BYTES_MAX, type VerifyFacts, type VerifyRequest } from "../../task/state/verification.ts";
import type { KindOfRun } from "./kind-of-run.ts";
import { turnOf } from "./run-outcome.ts";
import { confinementFor, keptApart, type RunDefaults } from "./run-request.ts";
import { verified } from "./verify-outcome.ts";

export interface VerificationsDeps {
  readonly table: TaskTable;
  readonly driver: VerifyDriver;
  readonly followUps: FollowUps;
  /** Where runs work. */
  readonly places: RunPlaces;
  readonly settings: () => VerifySettings;
  /** A command could not have its sandbox. */
  readonly onSandboxBroken: (reason: string) => void;
  readonly surroundings: Surroundings;
  readonly log: Log;
}

export interface VerifySettings {
  /** Where a task has none of its own. */
  readonly verifyTimeoutMs: number;
  readonly maxVerifyAttempts: number;
  readonly run: Pick<RunDefaults, "sandbox" | "rights" | "confinement">;
}

/** With the growing pauses between them these take eight minutes; a lack of file descriptors or memory is waited for without an end. */
const TRIES_MAX = 20;

/** Tells whether the verify command of `task` runs in codex's sandbox. */
export function verifiesInSandbox({ spec, origin }: OpenTask, rights: RightsByOrigin): boolean {
  return spec.sandbox !== "danger-full-access" && rights.of(origin).verify !== "unsandboxed";
}

/** Runs of verify commands: each has a run number of its own, after that of the agent. */
export function createVerifications(deps: VerificationsDeps): KindOfRun<VerifyFacts> {
  const { table, driver, log } = deps;
  const { now } = deps.surroundings;
  const timeoutOf = ({ spec }: OpenTask): number => spec.verifyTimeoutMs ?? deps.settings().verifyTimeoutMs;
  const startedAt = ({ state }: OpenTask): number => (state.kind === "verifying" ? state.startedAtMs : now());

  const requestOf = ({ id, sessionKey, spec, state, origin, lastRun }: OpenTask): VerifyRequest => {
    if (spec.verifyCommand === undefined) throw new Error(`${id} has no verify command`);
    const { rights: byOrigin, sandbox, ...defaults } = deps.settings().run;
    const rights = byOrigin.of(origin);
    const level = spec.sandbox ?? lowerLevel(sandbox, rights.sandbox);
    const confinement = confinementFor(defaults, rights);
    // Where the agent worked whose work it is.
    const place = deps.places.at(lastRun?.workplace);
    const workdir = resolveWorkdir(spec, { ...place.ground, rights, confinement });
    return {
      ...{ taskId: id, sessionKey, run: state.run, command: spec.verifyCommand },
      workdir,
      sandbox: rights.verify === "unsandboxed" || level === "danger-full-access" ? "none" : level,
      confinement: keptApart(confinement, place.ground.apart(workdir)),
      environment: spec.environment,
      variables: place.variables,
    };
  };

  /** What a command leaves in a worktree is kept like what an agent does. */
  const keepChanges = async (task: OpenTask, { endedAtMs = now() }: VerifyFacts): Promise<void> => {
    const workplace = task.lastRun?.workplace;
    if (workplace?.kind !== "worktree") return;
    try {
      await deps.places.after(workplace, turnOf(task), endedAtMs);
    } catch (error) {
      log("changes-not-kept", { task: task.id, run: task.state.run, reason: String(error) }); // They lie there: the next commit has them.
    }
  };

  const takeIn = async (task: OpenTask, facts: VerifyFacts, isWanted: () => boolean): Promise<void> => {
    const { id, sessionKey } = task;
    const broken = facts.begun || facts.sandbox === "none" ? undefined : brokenSandboxWords(facts.said);
    if (broken !== undefined && table.get(id)?.state.kind === "verifying") {
      // The command was not begun: it is verified once there is a sandbox again.
      deps.onSandboxBroken(`codex's sandbox does not work: ${broken}`);
      table.step(id, { kind: "unbegun" });
      log("verify-ended", { task: id, session: sessionKey, run: task.state.run, outcome: "unbegun", reason: broken });
      return;
    }
    await keepChanges(task, facts);
    const judge = (current: OpenTask): ReturnType<typeof verified> =>
      verified(current, facts, {
        ...{ timeoutMs: timeoutOf(current), startedAtMs: startedAt(current), endedAtMs: now() },
        attemptsMax: current.spec.maxVerifyAttempts ?? deps.settings().maxVerifyAttempts,
      });
    const { finalFailure } = judge(task);
    const followUp = finalFailure === undefined ? undefined : await deps.followUps.file(task, finalFailure);
    if (followUp !== undefined) faultPoint("verify:follow-up-filed");
    if (!isWanted()) return;
    const { record, event } = judge(expectOpen(table, id)); // A stop may have come meanwhile.
    const after = table.step(
      id,
      event,
      [record, followUp].filter((one) => one !== undefined),
    );
    faultPoint("verify:journaled");
    log("verify-ended", {
      ...{ task: id, session: sessionKey, run: task.state.run },
      outcome: record?.verification.outcome ?? "vanished",
      state: after.state.kind,
      reason: "reason" in after.state ? after.state.reason : undefined,
      followUp: followUp?.task ?? undefined,
    });
  };

  return {
    async begin(task, _codex, isWanted, failedTries) {
      let sandbox: VerifyFacts["sandbox"] = "none";
      try {
        const request = requestOf(task);
        sandbox = request.sandbox;
        return await driver.start(request, async () => {
          await table.durable();
          if (!isWanted()) return false;
          log("verify-started", { task: task.id, session: task.sessionKey, run: task.state.run, sandbox });
          return true;
        });
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        const isFinal = error.code === "CODEX" && failedTries + 1 >= TRIES_MAX && worldFaultCode(error) === undefined;
        if (error.code !== "TASK_FILE" && !isFinal) throw error;
        // What cannot be begun says so in place of its files.
        const nothing = { begun: false, exitCode: 127, signal: undefined, output: "", outputBytes: 0 };
        const said = isFinal
          ? `no process could be made for it, ${TRIES_MAX} times in a row: ${textOf(error)}`
          : error.message;
        const facts = { ...nothing, sandbox, said, startedAtMs: undefined, endedAtMs: undefined };
        if (isWanted()) await takeIn(task, facts, isWanted);
        return undefined;
      }
    },
    adopt: driver.adopt,
    seal: driver.seal,
    limits: (task) => ({
      timeoutMs: timeoutOf(task),
      stallMs: undefined,
      outputBytesMax: VERIFY_OUTPUT_BYTES_MAX,
      usedMs: now() - startedAt(task),
    }),
    overdueWords: () => undefined,
    noticed(_run, event) {
      if (event.kind === "exited") faultPoint("verify:exit-seen");
    },
    takeIn,
    spoil(task, reason) {
      table.step(task.id, { kind: "verified", outcome: "unavailable", reason });
    },
  };
}

/** Returns what an error says, with the cause that the system gave. */
function textOf({ message, cause }: Error): string {
  return cause instanceof Error && !message.includes(cause.message) ? `${message}: ${cause.message}` : message;
}
