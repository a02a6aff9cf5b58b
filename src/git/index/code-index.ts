import { createHash } from "node:crypto";
import { existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { syncDescriptor } from "../../base/files/durable-file.ts";
import { createObjectReader } from "../objects/object-reader.ts";
import { FOLDER_MODE, parseTree, toByteName } from "../objects/tree-format.ts";
import type { GitPlace } from "../process/git-environment.ts";
import { type GitCall, runGit } from "../process/git-process.ts";
import { copyIndex } from "./index-copy.ts";

/**
 * An index of our own beside the user's, which holds HEAD without our folders. Git reads an index whole for every answer, and the
 * user's grows with each finished task (0.1 s at 200,000 files); this one changes only when HEAD's other files do.
 */
export interface CodeIndex {
  /** Returns the path of an index that is right for HEAD as it is now. */
  current(): Promise<string>;
  /** Lets git note in the index at `path` which files are as they were: one that was touched and not changed is compared each time otherwise. */
  refresh(path: string): Promise<void>;
}

export interface CodeIndexOptions {
  /** The work tree. */
  readonly place: Required<GitPlace>;
  /** Added to the environment where git may compare files. */
  readonly environment: () => Readonly<Record<string, string>>;
  /** Absolute path of the user's index there. */
  readonly indexPath: string;
  /** Folder for indexes of this kind (absolute; made when missing). */
  readonly keepDir: string;
  /** Paths from the top that are left out. */
  readonly excluded: readonly string[];
}

/** What HEAD holds, level by level on the way to what is left out. */
interface Levels {
  /** Changes when something changes that is not left out. */
  readonly key: string;
  /** Records "<mode> <type> <id>\t<name>" by folder ("" is the top), without what is left out; a character is a byte. */
  readonly records: ReadonlyMap<string, readonly string[]>;
}

/** The process that reads HEAD ends when nobody has asked for so long. */
const IDLE_MS = 10_000;
/** By mode; anything else is a blob. */
const TYPES: Readonly<Record<string, string>> = { [FOLDER_MODE]: "tree", "160000": "commit" };

export function createCodeIndex(options: CodeIndexOptions): CodeIndex {
  const { place, indexPath, keepDir, excluded } = options;
  const left = new Set(excluded.map(toByteName));
  const folders = ["", ...new Set([...left].flatMap(parentsOf))];
  const prefix = createHash("sha256")
    .update([place.topDir, ...left].join("\0"))
    .digest("hex")
    .slice(0, 12);
  const objects = createObjectReader(place);
  let idle: NodeJS.Timeout | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  /** Where there is no commit yet, or no such folder, nothing is there. */
  async function readFolder(folder: string): Promise<readonly string[]> {
    const found = await objects.read(Buffer.from(`HEAD:${folder}`, "latin1").toString("utf8"));
    if (found?.type !== "tree") return [];
    const tree = parseTree(found.content, found.id.length === 40 ? "sha1" : "sha256");
    return Array.from(tree, ([name, { mode, id }]) => `${mode} ${TYPES[mode] ?? "blob"} ${id}\t${name}`);
  }

  async function readLevels(): Promise<Levels> {
    const hash = createHash("sha256");
    const records = new Map<string, readonly string[]>();
    const all = await Promise.all(folders.map(readFolder));
    for (const [index, folder] of folders.entries()) {
      const kept = (all[index] ?? []).filter((record) => !left.has(pathOf(folder, record)));
      records.set(folder, kept);
      const stable = kept.map((record) => (folders.includes(pathOf(folder, record)) ? "" : record));
      hash.update(`${folder}\0${stable.join("\0")}\0\0`, "latin1");
    }
    return { key: hash.digest("hex").slice(0, 16), records };
  }

  /** Writes the tree that `folder` would be without what is left out, and returns its id. */
  async function writeTree(folder: string, records: Levels["records"]): Promise<string> {
    const lines: string[] = [];
    for (const record of records.get(folder) ?? []) {
      const path = pathOf(folder, record);
      const id = records.has(path) ? await writeTree(path, records) : undefined;
      lines.push(id === undefined ? record : record.replace(/ tree [0-9a-f]+\t/, ` tree ${id}\t`));
    }
    const input = Buffer.from(lines.map((line) => `${line}\0`).join(""), "latin1");
    return (await expectGit(place, ["mktree", "-z", "--missing"], { input })).trim();
  }

  async function build(path: string, records: Levels["records"]): Promise<void> {
    mkdirSync(keepDir, { recursive: true });
    const draft = join(keepDir, `${prefix}.draft`);
    for (const left of [draft, `${draft}.lock`]) rmSync(left, { force: true });
    await copyIndex(indexPath, draft); // It knows which files are as they were when git last looked.
    const environment = { ...options.environment(), GIT_INDEX_FILE: draft };
    const tree = await writeTree("", records);
    await expectGit(place, ["-c", "core.splitIndex=false", "read-tree", "--reset", tree], { environment });
    await refresh(draft);
    await syncDescriptor(openSync(draft, "r"));
    renameSync(draft, path);
    const others = readdirSync(keepDir).filter((name) => name.startsWith(prefix) && name !== basename(path));
    for (const name of others) rmSync(join(keepDir, name), { force: true });
  }

  /** Its status says whether files have changed, and that is no failure. */
  async function refresh(path: string): Promise<void> {
    await runGit(place, ["update-index", "-q", "--refresh"], {
      environment: { ...options.environment(), GIT_INDEX_FILE: path },
    });
  }

  async function find(): Promise<string> {
    clearTimeout(idle);
    idle = setTimeout(objects.close, IDLE_MS).unref();
    const { key, records } = await readLevels();
    const path = join(keepDir, `${prefix}.${key}`);
    if (!existsSync(path)) await build(path, records);
    return path;
  }

  return {
    current() {
      const result = turn.then(find);
      turn = result.catch(() => undefined);
      return result;
    },
    refresh,
  };
}

async function expectGit(place: Required<GitPlace>, args: readonly string[], call: GitCall): Promise<string> {
  const { status, stdout, stderr } = await runGit(place, args, call);
  if (status !== 0) throw new Error(`git ${args.join(" ")} in ${place.topDir}: ${stderr}`);
  return stdout.toString("latin1");
}

/** Returns the folders above `path`, without the top. */
function parentsOf(path: string): readonly string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}

function pathOf(folder: string, record: string): string {
  const name = record.slice(record.indexOf("\t") + 1);
  return folder === "" ? name : `${folder}/${name}`;
}
