import type { ObjectFormat } from "./object-format.ts";

export const FILE_MODE = "100644";
const EXECUTABLE_MODE = "100755";
export const FOLDER_MODE = "40000";

export interface TreeEntry {
  /** As git writes it: "100644", "40000", "120000" (link), "160000" (submodule). */
  readonly mode: string;
  readonly id: string;
}

/** The entries of one folder. Names hold one byte a character (latin1), because git's names are bytes. */
export type Tree = ReadonlyMap<string, TreeEntry>;

/** Returns a path or name as the bytes git stores, one a character. */
export function toByteName(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Returns what `toByteName` was given; bytes that are no UTF-8 become replacement characters. */
export function fromByteName(name: string): string {
  return Buffer.from(name, "latin1").toString("utf8");
}

/** Returns where `name` (from `topDir`; a character is a byte) lies, as the system takes it: names need not be UTF-8. */
export function diskPath(topDir: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${topDir}/`), Buffer.from(name, "latin1")]);
}

export function isFolder(entry: TreeEntry): boolean {
  return entry.mode === FOLDER_MODE;
}

export function isPlainFile(entry: TreeEntry): boolean {
  return entry.mode === FILE_MODE || entry.mode === EXECUTABLE_MODE;
}

/** Reads the content of a tree object: "<mode> <name>\0<id in bytes>", repeated. */
export function parseTree(bytes: Uint8Array, format: ObjectFormat): Tree {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const idBytes = format === "sha1" ? 20 : 32;
  const tree = new Map<string, TreeEntry>();
  for (let offset = 0; offset < content.length; ) {
    const space = content.indexOf(32, offset);
    const end = content.indexOf(0, space);
    const mode = content.toString("latin1", offset, space);
    const name = content.toString("latin1", space + 1, end);
    tree.set(name, { mode, id: content.toString("hex", end + 1, end + 1 + idBytes) });
    offset = end + 1 + idBytes;
  }
  return tree;
}

/** Writes a tree object in git's order: by bytes, a folder as if its name ended in "/". */
export function formatTree(tree: Tree): Buffer {
  const entries = [...tree].map(([name, entry]) => ({ name, entry, key: isFolder(entry) ? `${name}/` : name }));
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return Buffer.concat(
    entries.flatMap(({ name, entry }) => [
      Buffer.from(`${entry.mode} ${name}\0`, "latin1"),
      Buffer.from(entry.id, "hex"),
    ]),
  );
}
