import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { syncFolder, writeNewFile } from "../../base/files/durable-file.ts";
import { type ObjectFormat, type ObjectType, objectId } from "./object-format.ts";
import { formatPack, type PackedObject } from "./pack-format.ts";

/** `git gc --prune=now` sweeps our temporary files away; each time one vanished the write starts again. */
const RETRIES = 10;

/**
 * Names objects at once and writes them together, as one pack: three fsyncs, however many they are. Beside the pack lies a file
 * "….keep" with our text, so that no `git gc` takes objects that no branch names yet, and so that we know the pack for ours.
 */
export interface ObjectWriter {
  /**
   * Returns the id `content` will have, and keeps it for `flush`.
   *
   * @param like the id of an object that it differs little from
   */
  add(type: ObjectType, content: Uint8Array, like?: string): string;
  /** Returns content that was added and not flushed yet. */
  pending(id: string): { readonly type: ObjectType; readonly content: Uint8Array } | undefined;
  /** Writes everything added, durably: when it resolves, the pack, its index and their folder are synced. */
  flush(): Promise<void>;
  /** Tells whether what the last flush wrote is still there. */
  hasFlushed(): boolean;
  /** Forgets what was added and not flushed. */
  forget(): void;
}

let written = 0;

/** @param keepText what the packs' ".keep" files hold */
export function createObjectWriter(objectsDir: string, format: ObjectFormat, keepText: string): ObjectWriter {
  const objects = new Map<string, PackedObject>();
  const folder = join(objectsDir, "pack");
  let flushed: string | undefined;

  async function write(list: readonly PackedObject[]): Promise<string> {
    const { name, pack, index } = await formatPack(list, format);
    const base = join(folder, `pack-${name}`);
    // Names that `git gc` sweeps away when they are old, should we die before the renames.
    written += 1;
    const temporary = (kind: string): string => join(folder, `tmp_${kind}_codex_inbox_${process.pid}_${written}`);
    for (let attempt = 1; ; attempt += 1) {
      try {
        for (const kind of ["pack", "idx"]) rmSync(temporary(kind), { force: true });
        await settleBoth(
          writeNewFile(temporary("pack"), Buffer.concat(pack), 0o444),
          writeNewFile(temporary("idx"), Buffer.concat(index), 0o444),
        );
        writeFileSync(`${base}.keep`, keepText);
        renameSync(temporary("pack"), `${base}.pack`);
        renameSync(temporary("idx"), `${base}.idx`); // From here on git sees it.
        await syncFolder(folder);
        return base;
      } catch (error) {
        if (systemErrorCode(error) !== "ENOENT" || attempt >= RETRIES) throw error;
        mkdirSync(folder, { recursive: true });
      }
    }
  }

  return {
    add(type, content, like) {
      const id = objectId(format, type, content);
      if (!objects.has(id)) objects.set(id, { id, type, content, like });
      return id;
    },
    pending: (id) => objects.get(id),
    async flush() {
      const list = [...objects.values()];
      if (list.length === 0) return;
      flushed = await write(list);
      for (const { id } of list) objects.delete(id);
    },
    hasFlushed: () => flushed === undefined || [".idx", ".pack"].every((end) => existsSync(`${flushed}${end}`)),
    forget: () => objects.clear(),
  };
}

/** Waits for both even when one fails, so that nothing is still being written when the failure is told. */
async function settleBoth(first: Promise<void>, second: Promise<void>): Promise<void> {
  await Promise.allSettled([first, second]);
  await Promise.all([first, second]);
}
