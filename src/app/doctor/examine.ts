import { existsSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { findHolder, type HeldLock, type LockHolder, takeLock } from "../../base/process/process-lock.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { statePaths } from "../../store/state-paths.ts";
import { nearest } from "../../task/text/near-miss.ts";
import { readServer } from "../queries/server-record.ts";
import type { Check, Finding } from "./check.ts";
import { CHECKS } from "./check-table.ts";
import { CannotLook, type Ground, lastHolderOf, openGround } from "./ground.ts";
import type { CheckReport, DoctorReport, FindingReport, RepairReport } from "./report.ts";
import type { Repair } from "./set-aside.ts";

export interface DoctorOptions {
  /** Repair what can be repaired; nothing is, beside a coordinator. */
  readonly fix: boolean;
  /** Look at everything, and not only at what is open and recent. */
  readonly all: boolean;
  /** Names of the checks that are made; empty for all. */
  readonly only: readonly string[];
}

/** Of one check so many findings are told; the others are counted. */
const FINDINGS_MAX = 100;
const LOCK_NAME = "lock";

/**
 * Looks whether all that must hold of a workspace on the disk does, one check after the other, and repairs what is asked for: under the lock
 * of the workspace, so that no coordinator begins meanwhile.
 *
 * @param onChecked is told of each check as soon as it is done
 * @throws CoordinatorError `USAGE` for a name that no check has
 */
export async function examineWorkspace(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
  { fix, all, only }: DoctorOptions,
  onChecked: (check: CheckReport) => void = () => undefined,
): Promise<DoctorReport> {
  const wanted = checksNamed(only);
  const { root } = statePaths(place.stateDir);
  const before = ignoringOdd(() => lastHolderOf(statePaths(place.stateDir)));
  const lock = fix ? await tryLock(root) : undefined;
  const holder = lock === undefined ? await holderOf(root) : undefined;
  // Where the lock cannot be read, the record of the coordinator tells.
  const server = holder ?? (lock === undefined ? readServer(statePaths(place.stateDir).server) : undefined);
  const ground = openGround({
    ...{ place, environment, all, now: Date.now, lastHolder: before, isServed: server !== undefined },
  });
  const checks: CheckReport[] = [];
  try {
    for (const check of wanted) {
      const checked = await examine(check, ground, lock === undefined ? undefined : "now");
      checks.push(checked);
      onChecked(checked);
    }
  } finally {
    ground.close();
    await lock?.release();
  }
  const findings = checks.flatMap((check) => check.findings);
  const left = findings.filter(({ repair }) => repair?.state !== "done");
  return {
    workspace: place.workspaceDir,
    branch: ground.branch ?? null,
    coordinator: server === undefined ? null : { pid: server.pid, since: server.startedAt },
    all,
    checks,
    problems: left.filter(({ level }) => level === "problem").length,
    notes: left.filter(({ level }) => level === "note").length,
    repaired: findings.length - left.length,
  };
}

function checksNamed(names: readonly string[]): readonly Check[] {
  if (names.length === 0) return CHECKS;
  const known = CHECKS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return CHECKS.filter(({ name }) => names.includes(name));
  const near = nearest(unknown, known);
  const hint = near === undefined ? `there are ${known.join(", ")}` : `did you mean "${near}"?`;
  throw new CoordinatorError("USAGE", `there is no check "${unknown}"; ${hint}`);
}

interface Found extends Finding {
  readonly level: FindingReport["level"];
}

async function examine(check: Check, ground: Ground, repairs: "now" | undefined): Promise<CheckReport> {
  const found: Found[] = [];
  let more = 0;
  const looked = new Map<string, number>();
  const add = (level: Found["level"], finding: Finding): void => {
    if (found.length < FINDINGS_MAX) found.push({ ...finding, level });
    else more += 1;
  };
  let reason: string | null = null;
  const facts: string[] = [];
  try {
    await check.look(ground, {
      problem: (finding) => add("problem", finding),
      note: (finding) => add("note", finding),
      looked: (what, count) => void looked.set(what, (looked.get(what) ?? 0) + count),
      fact: (text) => void facts.push(text),
    });
  } catch (error) {
    if (error instanceof CannotLook) reason = error.message;
    else add("problem", unfinished(error));
  }
  const findings: FindingReport[] = [];
  for (const one of found) findings.push(await present(one, ground, repairs));
  const { name, what, why } = check;
  return {
    ...{ name, what, why, reason, facts, more, findings },
    state: stateOf(findings, reason),
    looked: [...looked].map(([of, count]) => ({ what: of, count })),
  };
}

function stateOf(findings: readonly FindingReport[], reason: string | null): CheckReport["state"] {
  const left = findings.filter(({ repair }) => repair?.state !== "done").map(({ level }) => level);
  if (left.includes("problem")) return "problem";
  if (left.length > 0) return "note";
  return reason === null ? "ok" : "skipped";
}

/** One odd file ends the check that meets it, and no other. */
function unfinished(error: unknown): Finding {
  const said = error instanceof Error ? error.message : String(error);
  const remedy =
    error instanceof CoordinatorError
      ? "put that right, then look again: what this check looks at behind it is not known"
      : "what this check looks at behind it is not known; if nothing is wrong there, report it as a bug of ours";
  return { message: `this check did not come to its end: ${said}`, remedy };
}

async function present(found: Found, ground: Ground, repairs: "now" | undefined): Promise<FindingReport> {
  const { level, path = null, message, remedy, repair } = found;
  return {
    ...{ level, path, message, remedy },
    repair: repair === undefined ? null : await repaired(repair, ground, repairs),
  };
}

async function repaired({ what, run }: Repair, ground: Ground, repairs: "now" | undefined): Promise<RepairReport> {
  const untried = { what, movedTo: null, reason: null };
  if (ground.isServed) return { ...untried, state: "later" };
  if (repairs === undefined) return { ...untried, state: "possible" };
  try {
    return { ...untried, state: "done", movedTo: (await run()) ?? null };
  } catch (error) {
    return { ...untried, state: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Takes the lock; `undefined` where a coordinator holds it, or it cannot be had: then nothing is repaired. */
async function tryLock(root: string): Promise<HeldLock | undefined> {
  if (!existsSync(root)) return undefined;
  try {
    const lost = (): void => undefined;
    return await takeLock({ dir: root, name: LOCK_NAME, onLost: lost, describeHolder: () => "held" });
  } catch (error) {
    if (error instanceof CoordinatorError) return undefined; // The check of the lock says why.
    throw error;
  }
}

async function holderOf(root: string): Promise<LockHolder | undefined> {
  try {
    return existsSync(root) ? await findHolder(root, LOCK_NAME) : undefined;
  } catch (error) {
    if (error instanceof CoordinatorError) return undefined;
    throw error;
  }
}

/** What no lock of ours can be, in its place: the check of the lock says so. */
function ignoringOdd<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof CoordinatorError) return undefined;
    throw error;
  }
}
