import { existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { syncDirectory } from "../../base/files/write-file-atomic.ts";
import { asNumber, asText, parseObject } from "../../base/json-shape.ts";
import { isAlive, type ProcessIdentity } from "../../base/process/process-identity.ts";
import { readSmall } from "./bounded-file.ts";
import { runPaths } from "./run-directory.ts";

/** Who owns a run: the worker that runs it, or a coordinator that made sure that nobody will. */
export type Claim =
  | { readonly kind: "worker"; readonly process: ProcessIdentity }
  | { readonly kind: "sealed" }
  /** There, but empty: a worker is about to write it, or ended before it could, or power was lost. */
  | { readonly kind: "unreadable" };

/** Returns who claimed the run in `runDir`, or `undefined` if nobody did. */
export function readClaim(runDir: string): Claim | undefined {
  const text = readSmall(runPaths(runDir).claim);
  if (text === undefined) return undefined;
  const record = parseObject(text);
  if (record?.sealed === true) return { kind: "sealed" };
  const [pid, startTicks, bootId] = [asNumber(record?.pid), asText(record?.startTicks), asText(record?.bootId)];
  if (pid === undefined || startTicks === undefined || bootId === undefined) return { kind: "unreadable" };
  return { kind: "worker", process: { pid, startTicks, bootId } };
}

/** Tells whether the worker that claimed the run still runs. */
export function isWorkerAlive(claim: Claim | undefined): boolean {
  return claim?.kind === "worker" && isAlive(claim.process);
}

/** Returns when the run was claimed (Unix ms), or `undefined` if it was not. */
export function claimedAtMs(runDir: string): number | undefined {
  return statSync(runPaths(runDir).claim, { throwIfNoEntry: false })?.mtimeMs;
}

/**
 * Wins the claim of the run in `runDir`, so that no worker, however late, can start it. Returns false if a worker was first.
 * Sealing twice is winning twice.
 *
 * @throws system errors; `ENOENT` where the coordinator's own folder is not there
 */
export function sealRun(runDir: string): boolean {
  const { claim } = runPaths(runDir);
  const temporary = `${claim}.seal-${process.pid}`;
  const home = join(runDir, "../../..");
  // It may only be away, with the run in it: a folder in its place would keep it from coming back.
  if (!existsSync(home)) throw Object.assign(new Error(`ENOENT: ${home} is not there`), { code: "ENOENT" });
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  writeFileSync(temporary, `${JSON.stringify({ v: 1, sealed: true })}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(temporary, claim);
    syncDirectory(runDir);
    return true;
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    return readClaim(runDir)?.kind === "sealed";
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Tells whether anybody claimed the run in `runDir`. */
export function isClaimed(runDir: string): boolean {
  return existsSync(runPaths(runDir).claim);
}
