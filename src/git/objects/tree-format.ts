import type { ObjectFormat } from "./object-format.ts";

export const FILE_MODE = "100644";
const EXECUTABLE_MODE = "100755";
export const FOLDER_MODE = "40000";
/** "4", as the modes of nothing else begin. */
const FIRST_OF_FOLDER_MODE = 0x34;
const SPACE = 0x20;
const SLASH = 0x2f;

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
  const entries = [...tree].map(([name, entry]) => ({ name, entry, key: keyOf(name, entry) }));
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return Buffer.concat(entries.map(({ name, entry }) => formatEntry(name, entry)));
}

function keyOf(name: string, entry: TreeEntry): string {
  return isFolder(entry) ? `${name}/` : name;
}

function formatEntry(name: string, { mode, id }: TreeEntry): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(id, "hex")]);
}

/**
 * Returns what `formatTree` makes of the tree with `changes` made to it (`undefined` removes): without the work and the garbage of
 * all entries that stay, which a folder of hundreds would cost each commit.
 *
 * @param bytes the tree as it was, in git's order
 */
export function spliceTree(
  bytes: Buffer,
  changes: ReadonlyMap<string, TreeEntry | undefined>,
  format: ObjectFormat,
): Buffer {
  const idBytes = format === "sha1" ? 20 : 32;
  const names = [...changes.keys()].map((name) => Buffer.from(name, "latin1"));
  const added = [...changes]
    .flatMap(([name, entry]) => (entry === undefined ? [] : [{ name, entry, key: keyOf(name, entry) }]))
    .sort((one, other) => (one.key < other.key ? -1 : 1))
    .map(({ name, entry, key }) => ({ key: Buffer.from(key, "latin1"), bytes: formatEntry(name, entry) }));
  const parts: Buffer[] = [];
  let keptFrom = 0;
  let next = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const space = bytes.indexOf(SPACE, offset);
    const end = bytes.indexOf(0, space);
    const after = end + 1 + idBytes;
    const isOfFolder = bytes[offset] === FIRST_OF_FOLDER_MODE;
    const before = next;
    while (next < added.length && isBefore(added[next]?.key, bytes, space + 1, end, isOfFolder)) next += 1;
    const isReplaced = names.some(
      (name) => name.length === end - space - 1 && bytes.compare(name, 0, name.length, space + 1, end) === 0,
    );
    if (next > before || isReplaced) {
      parts.push(bytes.subarray(keptFrom, offset), ...added.slice(before, next).map((one) => one.bytes));
      keptFrom = isReplaced ? after : offset;
    }
    offset = after;
  }
  return Buffer.concat([...parts, bytes.subarray(keptFrom), ...added.slice(next).map((one) => one.bytes)]);
}

/** Tells whether a new entry comes before the one whose name stands from `start` to `end`. */
function isBefore(key: Buffer | undefined, bytes: Buffer, start: number, end: number, isOfFolder: boolean): boolean {
  if (key === undefined) return false;
  const common = Math.min(key.length, end - start);
  const order = bytes.compare(key, 0, common, start, start + common);
  if (order !== 0) return order > 0;
  // One begins with the other: what comes next decides, and the end comes before everything.
  const theirs = start + common < end ? (bytes[start + common] ?? 0) : isOfFolder ? SLASH : 0;
  return (key[common] ?? 0) < theirs;
}
