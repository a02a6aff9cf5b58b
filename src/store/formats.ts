import { readdirSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../base/files/read-bounded.ts";
import { writeFileAtomic } from "../base/files/write-file-atomic.ts";
import { parseObject } from "../base/json-shape.ts";
import { LEDGER_VERSION, ledgerVersion } from "../task/ledger/ledger.ts";
import { LEDGER } from "../task/records/workspace-paths.ts";

/**
 * The version of all that lies in the coordinator's folder. It rises when any file there changes in a way that the code of before would read
 * wrongly; that a file or a field is added is no such change. See docs/formats.md.
 */
const STATE_FORMAT = 1;
const NAME = "format";
/** Files that are read or written before anything else is, or whole: each says its own version, `v`, beside that of the folder. */
const OWN_VERSIONS = /^(server|sign-ins|hooks-told|codex-hold|committer|(policy-)?lock\.holder-\d+)\.json$/;
const FILE_FORMAT = 1;

/**
 * Refuses a coordinator's folder that a newer version has written. Nothing in it may be looked into before: what cannot be read there
 * counts as damaged, and is set aside.
 *
 * @param root absolute; may be missing
 * @throws CoordinatorError `CONFIG`
 */
export function refuseNewerState(root: string): void {
  refuseNewerFiles(root);
  const path = join(root, NAME);
  const text = readBoundedText(path, SMALL_FILE_BYTES_MAX);
  if (text === undefined) return; // Of the first version, or of a workspace that nobody has served yet.
  const version = /^[1-9]\d{0,8}\n?$/.test(text) ? Number(text) : undefined;
  if (version === undefined)
    throw new CoordinatorError("CONFIG", `${path} does not say which format the folder has: expected ${STATE_FORMAT}`);
  refuse(path, version, STATE_FORMAT);
}

function refuseNewerFiles(root: string): void {
  for (const name of namesIn(root).filter((one) => OWN_VERSIONS.test(one))) {
    const version = parseObject(readText(join(root, name)) ?? "")?.v;
    if (typeof version === "number") refuse(join(root, name), version, FILE_FORMAT);
  }
}

/** What cannot be read says no version: whoever needs it says so. */
function readText(path: string): string | undefined {
  try {
    return readBoundedText(path, SMALL_FILE_BYTES_MAX);
  } catch (error) {
    if (error instanceof CoordinatorError || systemErrorCode(error) !== undefined) return undefined;
    throw error;
  }
}

function namesIn(root: string): readonly string[] {
  try {
    return readdirSync(root);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return [];
  }
}

/** Notes the format of the folder where nothing says it. @throws system errors */
export function noteStateFormat(root: string): void {
  const path = join(root, NAME);
  if (readBoundedText(path, SMALL_FILE_BYTES_MAX) === undefined) writeFileAtomic(path, `${STATE_FORMAT}\n`, 0o600);
}

/**
 * Refuses a ledger that a newer version has written. What it says of a task cannot be told then, and one that has finished would run again;
 * its comment therefore stands for the format of all that is ours in the branch.
 *
 * @throws CoordinatorError `CONFIG`
 */
export function refuseNewerLedger(text: string | undefined): void {
  if (text !== undefined) refuse(`${LEDGER} of the branch`, ledgerVersion(text), LEDGER_VERSION);
}

function refuse(what: string, version: number, known: number): void {
  if (version <= known) return;
  const message = `${what} is of format ${version}, and this version of codex-inbox knows formats up to ${known}`;
  throw new CoordinatorError("CONFIG", `${message}: use a newer codex-inbox; nothing was changed`);
}
