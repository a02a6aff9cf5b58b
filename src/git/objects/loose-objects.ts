import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { systemErrorCode } from "../../base/errors.ts";
import { syncFolder, writeNewFile } from "../../base/files/durable-file.ts";
import { type ObjectFormat, type ObjectType, objectId } from "./object-format.ts";

const compress = promisify(deflate);
let written = 0;

/**
 * Writes one object as git keeps single ones, durably and without a process: for the few small ones (a tree, a commit) that say what
 * git itself has written before.
 *
 * @param objectsDir absolute
 * @returns its id
 */
export async function writeLooseObject(
  objectsDir: string,
  format: ObjectFormat,
  type: ObjectType,
  content: Uint8Array,
): Promise<string> {
  const id = objectId(format, type, content);
  const folder = join(objectsDir, id.slice(0, 2));
  const path = join(folder, id.slice(2));
  if (existsSync(path)) return id;
  await mkdir(folder, { recursive: true });
  written += 1;
  // A name that `git gc` sweeps away when it is old, should we die before the rename.
  const temporary = join(folder, `tmp_obj_codex_inbox_${process.pid}_${written}`);
  const bytes = await compress(Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]));
  try {
    await writeNewFile(temporary, bytes, 0o444);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    // `git gc --prune=now` has swept it away, or another writer was faster: the content is the same.
    if (systemErrorCode(error) !== "ENOENT" || !existsSync(path)) throw error;
  }
  await syncFolder(folder);
  return id;
}
