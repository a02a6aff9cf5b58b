import { createHash } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { readBoundedText } from "../base/files/read-bounded.ts";
import { syncDirectory } from "../base/files/write-file-atomic.ts";
import { parseObject } from "../base/json-shape.ts";
import { isTaskId } from "../task/names/task-id.ts";

/** What a key stands for. */
export interface KeyedSubmission {
  /** The task that was, or was about to be, accepted. */
  readonly id: string;
  /** Of what was submitted. */
  readonly digest: string;
}

/**
 * The idempotency keys of submissions, so that one that is sent again makes no second task: each with the id that its task has or gets,
 * written before the task is accepted. The newest ones are kept, through every crash; of a key only a digest is.
 */
export interface SubmissionKeys {
  find(key: string): KeyedSubmission | undefined;
  /** Durable when it resolves. */
  note(key: string, submission: KeyedSubmission): Promise<void>;
}

/** Keys in one file; two files are kept, so that between one and two times as many are known. */
const KEYS_PER_FILE = 5_000;
/** A line has about 110 bytes. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const OLDER = ".1";

/** Returns the digest of a text as it is kept beside a key. */
export function submissionDigest(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 32);
}

/** Opens the keys in the file `path`; it is read when it is first asked, and made with the first key. */
export function openSubmissionKeys(path: string, keysPerFile = KEYS_PER_FILE): SubmissionKeys {
  let files: readonly [older: KeyFile, newer: KeyFile] | undefined;
  let pending: string[] = [];
  let written: Promise<void> = Promise.resolve();
  const known = (): NonNullable<typeof files> => {
    files ??= [readKeys(path + OLDER), readKeys(path)];
    return files;
  };

  /** Writes what came meanwhile, together. */
  const write = async (): Promise<void> => {
    const lines = pending;
    pending = [];
    if (lines.length === 0) return;
    let [, newer] = known();
    if (newer.lines >= keysPerFile) {
      await rename(path, path + OLDER);
      files = [newer, { keys: new Map(), lines: 0 }];
      [, newer] = files;
    }
    const isNew = newer.lines === 0;
    newer.lines += lines.length;
    const file = await open(path, "a", 0o600);
    try {
      await file.appendFile(`\n${lines.join("\n")}\n`); // A line that a crash has torn ends here.
      await file.datasync();
    } finally {
      await file.close();
    }
    if (isNew) syncDirectory(dirname(path));
  };

  return {
    find(key) {
      const [older, newer] = known();
      return newer.keys.get(submissionDigest(key)) ?? older.keys.get(submissionDigest(key));
    },
    note(key, { id, digest }) {
      const [, newer] = known();
      newer.keys.set(submissionDigest(key), { id, digest });
      pending.push(JSON.stringify({ v: 1, key: submissionDigest(key), id, digest }));
      const mine = written.then(write);
      written = mine.catch(() => undefined); // Its callers hear of it.
      return mine;
    },
  };
}

interface KeyFile {
  readonly keys: Map<string, KeyedSubmission>;
  /** A key may have several, of which the last counts. */
  lines: number;
}

function readKeys(path: string): KeyFile {
  const keys = new Map<string, KeyedSubmission>();
  const lines = (readBoundedText(path, FILE_BYTES_MAX) ?? "").split("\n").filter((line) => line !== "");
  for (const line of lines) {
    const { key, id, digest } = parseObject(line) ?? {};
    if (typeof key !== "string" || typeof id !== "string" || typeof digest !== "string" || !isTaskId(id)) continue;
    keys.set(key, { id, digest });
  }
  return { keys, lines: lines.length };
}
