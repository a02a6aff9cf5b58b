import { createHash } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../base/files/read-bounded.ts";
import { makeDirectory, writeFileAtomic } from "../base/files/write-file-atomic.ts";
import { parseObject } from "../base/json-shape.ts";
import { isTaskId } from "../task/names/task-id.ts";
import { isOrigin, type Origin } from "../task/rights/origin.ts";

/**
 * What proves that a command of ours has put a file into inbox/: a note of its id and text in the coordinator's own folder, where no
 * sandboxed agent can write. Another text under the same id has no receipt.
 */
export interface DropReceipts {
  /** Returns the origin of the task `id` if a command has put this very `text` there. */
  originOf(id: string, text: string): Origin | undefined;
  /** Returns who has put this very `text` there as the new one of the task `id`; a file that is no edit has none. */
  editorOf(id: string, text: string): Origin | undefined;
  /** The task is in the journal, or there is none to be made. */
  remove(id: string): void;
  /** Removes those whose files never came. */
  prune(nowMs: number): void;
}

/** A command writes its file a moment after its receipt; an inbox/ that is full may hold it for long. */
const KEPT_MS = 30 * 86_400_000;
const ENDING = ".json";

export function openDropReceipts(dir: string): DropReceipts {
  const read = (id: string, text: string): { readonly origin: Origin; readonly isEdit: boolean } | undefined => {
    const receipt = isTaskId(id) ? parseObject(readQuietly(join(dir, id + ENDING))) : undefined;
    const origin: unknown = receipt?.origin;
    if (receipt?.digest !== digestOf(text) || !isOrigin(origin)) return undefined;
    return { origin, isEdit: receipt.edit === true };
  };
  return {
    originOf: (id, text) => read(id, text)?.origin,
    editorOf(id, text) {
      const receipt = read(id, text);
      return receipt?.isEdit === true ? receipt.origin : undefined;
    },
    remove(id) {
      if (isTaskId(id)) rmSync(join(dir, id + ENDING), { force: true });
    },
    prune(nowMs) {
      for (const name of namesIn(dir)) {
        const path = join(dir, name);
        const writtenAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
        if (nowMs - writtenAtMs > KEPT_MS) rmSync(path, { force: true, recursive: true });
      }
    },
  };
}

/** One receipt, as it lies on the disk. */
export interface FoundReceipt {
  readonly path: string;
  /** `undefined` where it is none of ours, or cannot be read. */
  readonly id: string | undefined;
  readonly writtenAtMs: number;
}

/** Returns all that lies among the receipts. */
export function surveyReceipts(dir: string): readonly FoundReceipt[] {
  return namesIn(dir).flatMap((name) => {
    const path = join(dir, name);
    const id = name.endsWith(ENDING) ? name.slice(0, -ENDING.length) : "";
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return [];
    const receipt = isTaskId(id) && stats.isFile() ? parseObject(readQuietly(path)) : undefined;
    const isRight = receipt?.v === 1 && typeof receipt.digest === "string" && isOrigin(receipt.origin);
    return [{ path, id: isRight ? id : undefined, writtenAtMs: stats.mtimeMs }];
  });
}

/**
 * Notes that a command is about to put `text` into inbox/ as the task `id`, or as its new text (`edit`). Where the folder may not be written (to a sandboxed agent,
 * it may not), nothing is noted: the file counts as any other.
 */
export function writeDropReceipt(dir: string, id: string, text: string, origin: Origin, edit = false): void {
  try {
    makeDirectory(dir, 0o700);
    const receipt = { v: 1, digest: digestOf(text), origin, ...(edit && { edit }) };
    writeFileAtomic(join(dir, id + ENDING), `${JSON.stringify(receipt)}\n`, 0o600);
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes(systemErrorCode(error) ?? "")) throw error;
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function readQuietly(path: string): string {
  try {
    return readBoundedText(path, SMALL_FILE_BYTES_MAX) ?? "";
  } catch (error) {
    if (error instanceof CoordinatorError) return ""; // Not a file of ours: it proves nothing.
    throw error;
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
