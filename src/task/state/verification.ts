import type { Confinement } from "../spec/sandbox-profile.ts";
import { durationText } from "../text/duration-text.ts";
import { inlineCode } from "../text/markdown.ts";
import { oneLine } from "../text/one-line.ts";
import { FAILURE_POLICIES } from "./failure.ts";
import type { StopCause } from "./task-event.ts";

/** Where a verify command runs: in codex's sandbox at one of its levels, or outside of it. */
export type VerifySandbox = "read-only" | "workspace-write" | "none";

/** A verification to be made. Paths are absolute. */
export interface VerifyRequest {
  readonly taskId: string;
  readonly sessionKey: string;
  readonly run: number;
  /** For `/bin/sh -c`. */
  readonly command: string;
  readonly workdir: string;
  readonly sandbox: VerifySandbox;
  /** Of no account where it runs outside of the sandbox. */
  readonly confinement: Confinement;
  /** Names of variables that the task was promised. */
  readonly environment: readonly string[];
  /** Variables of the workplace, with their values. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** What the files of a verify run say. */
export interface VerifyFacts {
  readonly sandbox: VerifySandbox;
  /** The shell that runs the command was there: what follows is the command's doing. */
  readonly begun: boolean;
  /** As a shell reports it; `undefined` where nobody lived to record it. */
  readonly exitCode: number | undefined;
  /** The signal that the exit code stands for ("SIGKILL"). */
  readonly signal: string | undefined;
  /** Unix ms. */
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  /** The end of what it printed, whole lines. */
  readonly output: string;
  /** Of all that it printed. */
  readonly outputBytes: number;
  /** What was said beside it, by the sandbox or the worker; one line. */
  readonly said: string;
}

/** How a verification went, as it is kept: in the journal, the transcript and the task file. */
export interface Verification {
  readonly command: string;
  readonly outcome: "passed" | "failed" | "unavailable" | "stopped";
  /** What happened, as the end of a sentence that begins with the command; one line. */
  readonly what: string;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly durationMs: number;
  readonly sandbox: VerifySandbox;
  readonly output: string;
  readonly outputBytes: number;
  /** Which setting would allow what the sandbox seems to have refused. */
  readonly hint: string | undefined;
  /** Number of this verification, and how many there may be. */
  readonly attempt: number;
  readonly attemptsMax: number;
}

export interface VerifyContext {
  readonly command: string;
  /** Why it was told to end, if it was. */
  readonly cause: StopCause | undefined;
  readonly timeoutMs: number;
  /** Used where the files do not say when it began and ended, Unix ms. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly attempt: number;
  readonly attemptsMax: number;
}

/** A command that prints more than this is ended: what it prints is kept on the disk until its task is committed. */
export const VERIFY_OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** A shell's words for "cannot be executed" and "not found". */
const NOT_RUNNABLE: readonly number[] = [126, 127];
const WHAT_CHARACTERS_MAX = 300;
const COMMAND_CHARACTERS_MAX = 120;

/** Returns how a verification went whose processes are gone; `undefined` where nothing tells: then it is lost, and has to be made again. */
export function judgeVerification(facts: VerifyFacts, context: VerifyContext): Verification | undefined {
  const judged = judge(facts, context);
  if (judged === undefined) return undefined;
  const { command, attempt, attemptsMax } = context;
  const startedAtMs = facts.startedAtMs ?? context.startedAtMs;
  const { exitCode, signal, sandbox, output, outputBytes } = facts;
  return {
    ...{ command, exitCode, signal, sandbox, output, outputBytes, attempt, attemptsMax },
    outcome: judged.outcome,
    what: oneLine(judged.what, WHAT_CHARACTERS_MAX),
    durationMs: Math.max(0, Math.round((facts.endedAtMs ?? context.endedAtMs) - startedAtMs)),
    hint: judged.outcome === "failed" ? sandboxHint(facts) : undefined,
  };
}

function judge(
  { exitCode, signal, begun, output, said, sandbox }: VerifyFacts,
  { cause, timeoutMs }: VerifyContext,
): Pick<Verification, "outcome" | "what"> | undefined {
  // A command that is told to end may well exit with 0: after a stop its exit code says nothing.
  if (cause === "timeout")
    return { outcome: "failed", what: `did not end within ${durationText(timeoutMs)}, its verifyTimeoutMs` };
  if (cause === "output")
    return { outcome: "failed", what: `printed more than ${VERIFY_OUTPUT_BYTES_MAX / 1024 / 1024} MB` };
  if (cause !== undefined) return { outcome: "stopped", what: "was stopped" };
  if (exitCode === undefined) return undefined;
  if (!begun) {
    const why = said === "" ? `exit code ${exitCode}` : said;
    const where = sandbox === "none" ? "" : " in codex's sandbox";
    return { outcome: "unavailable", what: `could not be begun${where}: ${why}` };
  }
  if (exitCode === 0) return { outcome: "passed", what: "passed" };
  if (NOT_RUNNABLE.includes(exitCode)) {
    const why = output.trimEnd().split("\n").at(-1) ?? "";
    return { outcome: "unavailable", what: `ended with exit code ${exitCode}${why === "" ? "" : `: ${why}`}` };
  }
  return { outcome: "failed", what: signal === undefined ? `ended with exit code ${exitCode}` : `ended by ${signal}` };
}

/** What a refused write, or a refused connection, looks like in the words of many programs. */
const WRITE_REFUSED = /read-only file system|\bEROFS\b/i;
const MAYBE_REFUSED = /permission denied|operation not permitted|\bEACCES\b|\bEPERM\b/i;
const NO_NETWORK =
  /network is unreachable|\bENETUNREACH\b|\bEAI_AGAIN\b|\bENOTFOUND\b|temporary failure in name resolution|could not resolve host|name or service not known/i;

/** Returns which setting would allow what the sandbox may have refused, judging by what the command printed. */
function sandboxHint({ sandbox, output }: VerifyFacts): string | undefined {
  if (sandbox === "none") return undefined;
  const write = WRITE_REFUSED.test(output);
  const network = NO_NETWORK.test(output);
  if (!write && !network && !MAYBE_REFUSED.test(output)) return undefined;
  const what = write ? "did not let it write there" : network ? "has no network" : "may have refused that";
  const lower = sandbox === "read-only" && !network ? "`sandbox: workspace-write` in the task, or " : "";
  return `It ran in codex's sandbox (${sandbox}), which ${what}; to allow it: ${lower}\`codex-inbox policy set verify unsandboxed\`.`;
}

/** Returns the reason of a task whose verification did not pass, as one line. */
export function verificationReason(verification: Verification): string {
  const { outcome, command, what, attempt, attemptsMax } = verification;
  const { sentence } = FAILURE_POLICIES[outcome === "unavailable" ? "verifyUnavailable" : "verification"];
  const count = outcome === "failed" ? ` (${attempt} of ${attemptsMax})` : "";
  return `${sentence}: ${inlineCode(oneLine(command, COMMAND_CHARACTERS_MAX))} ${what}${count}`;
}
