import type { CommitPlan, FileEdit } from "../../task/records/commit-plan.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { ObstacleError, type TreeEditor } from "../objects/tree-edit.ts";
import { FILE_MODE, isPlainFile, type TreeEntry } from "../objects/tree-format.ts";

/** The commits of one batch: objects that the store has yet to flush, reachable from nowhere. */
export interface CommitChain {
  /** What they were built on; `undefined` for the first commit of a branch. */
  readonly base: string | undefined;
  /** The last of them, or the base where nothing had to change. */
  readonly tip: string | undefined;
  readonly tree: string | undefined;
  /** Per plan: its commit, or `undefined` where the branch already held all of it. */
  readonly commits: readonly (string | undefined)[];
  readonly changes: readonly FileChange[];
  readonly lastSubject: string;
}

/** A file that differs between base and tip. `path` is from the top of the work tree. */
export interface FileChange {
  readonly path: string;
  readonly before: TreeEntry | undefined;
  readonly after: TreeEntry | undefined;
}

/** Who makes commits, and when: "Name <address> <seconds> <zone>", each. */
export interface Signed {
  readonly author: string;
  readonly committer: string;
}

export interface ChainInput extends Signed {
  readonly plans: readonly CommitPlan[];
  readonly base: string | undefined;
  readonly prefix: string;
}

/**
 * Applies the plans to `base`, one after the other. The objects are named, and written when the store is flushed.
 *
 * @throws ObstacleError where the branch holds something else than a plain file at a path of ours
 */
export async function buildChain(store: ObjectStore, trees: TreeEditor, input: ChainInput): Promise<CommitChain> {
  const { base, plans, prefix } = input;
  const baseTree = base === undefined ? undefined : await store.treeOf(base);
  const touched = new Set<string>();
  const commits: (string | undefined)[] = plans.map(() => undefined);
  let tree = baseTree;
  let tip = base;
  let lastSubject = "";
  /** The last plan that changes something. It is written when the next one is known, or what closes the batch is in it. */
  let pending: PendingCommit | undefined;
  const write = ({ index, message }: PendingCommit): void => {
    if (tree === undefined) return;
    tip = store.add("commit", formatCommit(tree, tip === undefined ? [] : [tip], input, message));
    commits[index] = tip;
    lastSubject = message.split("\n", 1)[0] ?? "";
  };
  const apply = async (edits: readonly FileEdit[]): Promise<{ next: string | undefined; changed: string[] }> => {
    const changes = await applyEdits(store, trees, { edits, tree, prefix });
    const next = changes.size === 0 ? tree : await trees.rewrite(tree, changes);
    const changed = next === tree ? [] : [...changes.keys()];
    for (const path of changed) touched.add(path);
    return { next, changed };
  };
  for (const [index, plan] of plans.entries()) {
    const { next, changed } = await apply(plan.edits);
    if (next === undefined || next === tree) continue;
    if (pending !== undefined) write(pending);
    pending = { index, message: messageFor(plan, changed, prefix) };
    tree = next;
  }
  const { next } = await apply(plans.flatMap(({ closing = [] }) => closing));
  const index = plans.findLastIndex(({ closing }) => closing !== undefined);
  const closer = plans[index];
  if (next !== undefined && next !== tree && closer !== undefined) pending ??= { index, message: closer.message };
  tree = next;
  if (pending !== undefined) write(pending);
  return { base, tip, tree, commits, changes: await compare(trees, baseTree, tree, touched), lastSubject };
}

interface PendingCommit {
  readonly index: number;
  readonly message: string;
}

function messageFor({ message, aside }: CommitPlan, changed: readonly string[], prefix: string): string {
  const isAside = aside !== undefined && changed.every((path) => aside.paths.includes(path.slice(prefix.length)));
  return isAside ? aside.message : message;
}

interface EditInput {
  readonly edits: readonly FileEdit[];
  readonly tree: string | undefined;
  readonly prefix: string;
}

/** Returns what the edits change in `tree`. Several edits of one file make one blob. */
async function applyEdits(
  store: ObjectStore,
  trees: TreeEditor,
  { edits, tree, prefix }: EditInput,
): Promise<Map<string, TreeEntry | undefined>> {
  const files = new Map<string, EditedFile>();
  for (const edit of edits) {
    const path = prefix + checkPath(edit.path);
    const file = files.get(path) ?? (await readFile(store, trees, tree, path));
    const result = edit.apply(file.text);
    if (result !== "unchanged") files.set(path, { ...file, text: result === "absent" ? undefined : result });
  }
  const changes = new Map<string, TreeEntry | undefined>();
  for (const [path, { entry, before, text }] of files) {
    if (text === before) continue;
    const mode = entry?.mode ?? FILE_MODE;
    const id = text === undefined ? undefined : store.add("blob", Buffer.from(text), entry?.id);
    changes.set(path, id === undefined ? undefined : { mode, id });
  }
  return changes;
}

interface EditedFile {
  readonly entry: TreeEntry | undefined;
  readonly before: string | undefined;
  readonly text: string | undefined;
}

async function readFile(
  store: ObjectStore,
  trees: TreeEditor,
  tree: string | undefined,
  path: string,
): Promise<EditedFile> {
  const entry = await trees.find(tree, path);
  if (entry !== undefined && !isPlainFile(entry)) throw new ObstacleError(path);
  const before = entry === undefined ? undefined : decode(await store.read(entry.id, "blob"));
  return { entry, before, text: before };
}

/** Paths come from rules of ours that have judged every name; a bad one here is a bug, stopped before it is written. */
function checkPath(path: string): string {
  const bad = path
    .split("/")
    .some((name) => name === "" || name === "." || name === ".." || name.toLowerCase() === ".git");
  if (bad || path.includes("\0")) throw new Error(`not a path of a file in the workspace: ${JSON.stringify(path)}`);
  return path;
}

/** Keeps a byte order mark; bytes that are no UTF-8 become replacement characters, as an edit only knows text. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Returns the content of a commit object; the message ends in one line feed. */
export function formatCommit(
  tree: string,
  parents: readonly string[],
  { author, committer }: Signed,
  message: string,
): Buffer {
  const lines = parents.map((parent) => `parent ${parent}\n`).join("");
  const text = message.replaceAll("\0", "").trimEnd();
  return Buffer.from(`tree ${tree}\n${lines}author ${author}\ncommitter ${committer}\n\n${text}\n`);
}

async function compare(
  trees: TreeEditor,
  before: string | undefined,
  after: string | undefined,
  paths: Iterable<string>,
): Promise<readonly FileChange[]> {
  const changes: FileChange[] = [];
  for (const path of paths) {
    const change = { path, before: await findFile(trees, before, path), after: await findFile(trees, after, path) };
    if (change.before?.id !== change.after?.id) changes.push(change);
  }
  return changes;
}

/** A file that gave way to a folder of its name is gone. */
async function findFile(trees: TreeEditor, tree: string | undefined, path: string): Promise<TreeEntry | undefined> {
  const entry = await trees.find(tree, path);
  return entry !== undefined && isPlainFile(entry) ? entry : undefined;
}
