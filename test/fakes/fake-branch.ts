import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Branch } from "../../src/git/branch.ts";
import type { CommitPlan, CommitReport } from "../../src/task/records/commit-plan.ts";
import { hashBlob } from "../support/blob-and-id.ts";
import {
  changed,
  type FakeCommit,
  type FakeRepository,
  historyOf,
  makeCommit,
  putOnDisk,
  sha1,
  stageText,
} from "./fake-repository.ts";

/** Opens the branch of `repository`, as the committer opens that of a real one: fake-branch.test.ts asks both the same. */
export function openFakeBranch(repository: FakeRepository): Branch {
  const { now } = repository;
  let view: FakeCommit | undefined;
  let lastSeen = repository.lastOurs;
  let unseen = repository.unseen;
  /** Those of `unseen` that nobody was told of yet. */
  let untold = unseen;
  let foreign = unseen.length > 0;
  let wait: { readonly reason: string; readonly sinceMs: number } | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();

  const isLost = (ours: FakeCommit | undefined): boolean =>
    ours !== undefined && !historyOf(repository.tip).includes(ours);
  let lost = unseen.some(isLost);
  const noticeOthers = (): void => {
    if (repository.tip === lastSeen) return;
    foreign = true;
    lost ||= isLost(repository.lastOurs);
    lastSeen = repository.tip;
    if (repository.lastOurs === undefined || unseen.includes(repository.lastOurs)) return;
    unseen = [...unseen, repository.lastOurs];
    untold = [...untold, repository.lastOurs];
  };

  const apply = (plans: readonly CommitPlan[]): CommitReport => {
    noticeOthers();
    const base = repository.tip;
    const commits: (string | undefined)[] = [];
    let tip = base;
    for (const plan of withClosing(base?.files, plans)) {
      const files = edited(tip?.files, plan);
      const isSame = files === undefined;
      if (!isSame) tip = makeCommit(repository, tip, files, messageFor(plan, tip?.files, files));
      commits.push(isSame ? undefined : tip?.id);
    }
    if (tip === undefined || tip === base)
      return { tip: base?.id ?? "", commits, leftAlone: [], indexMs: 0, attempts: 1, indexHeldMs: 0 };
    const leftAlone = repository.headIsOurs ? followWith(repository, base, tip) : [];
    repository.tip = tip;
    repository.lastOurs = tip;
    repository.unseen = unseen;
    lastSeen = tip;
    view = tip;
    return { tip: tip.id, commits, leftAlone, indexMs: repository.indexMs, attempts: 1, indexHeldMs: 0 };
  };

  const run = async (plans: readonly CommitPlan[], signal: AbortSignal): Promise<CommitReport> => {
    try {
      for (;;) {
        if (signal.aborted) throw new DOMException("the commit was given up", "AbortError");
        if (repository.failure !== undefined) throw repository.failure;
        if (repository.obstacle === undefined) {
          repository.beforeCommit();
          return apply(plans);
        }
        wait ??= { reason: repository.obstacle, sinceMs: now() };
        await lookAgain(repository, signal);
      }
    } finally {
      wait = undefined;
    }
  };

  return {
    commit(plans, signal) {
      const either = AbortSignal.any([signal, closing.signal]);
      const result = tail.then(() => run(plans, either));
      tail = result.catch(() => undefined);
      return result;
    },
    advance: () => Promise.resolve({ kind: "there" }),
    isWhole: () => false,
    waiting: () => wait,
    async refresh() {
      noticeOthers();
      const lostOurs = lost || isLost(repository.lastOurs);
      const told = { foreign, lostOurs, unseen: untold.map(({ id }) => id) };
      foreign = false;
      lost = false;
      untold = [];
      view = repository.tip;
      return { tip: view?.id, ...told };
    },
    async seenTo(commits) {
      unseen = unseen.filter(({ id }) => !commits.includes(id));
      repository.unseen = repository.unseen.filter(({ id }) => !commits.includes(id));
    },
    readText: async (path) => view?.files.get(path),
    blobAt: async (path) => {
      await repository.beforeLookUp(path);
      const text = view?.files.get(path);
      return text === undefined ? undefined : hashBlob(Buffer.from(text));
    },
    treeId: async (path) => {
      if (repository.unreadable !== undefined) throw repository.unreadable;
      return treeId(view, path);
    },
    listFolder: async (path) => listFolder(view, path),
    headIsOurs: async () => repository.headIsOurs,
    isUserAtGit: () => false, // Whoever plays the user does one thing at a time.
    indexEntries: async (folder) => new Map([...repository.index].filter(([path]) => path.startsWith(`${folder}/`))),
    introducedBy: async (path) => {
      const commit = historyOf(view).find(({ files, parent }) => files.get(path) !== parent?.files.get(path));
      return commit && { commit: commit.id, timeMs: commit.timeMs };
    },
    isRewritten: async () => false, // There are no merges.
    authorship: async () => AUTHORSHIP,
    hashBlob,
    async close() {
      closing.abort();
      await tail;
    },
  };
}

/** Resolves when there is a reason to look again whether a commit may be made. */
async function lookAgain({ waiting }: FakeRepository, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    waiting.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  waiting.clear();
}

/** Returns the plans with what closes the batch among the edits of the one that it goes with. */
function withClosing(
  files: ReadonlyMap<string, string> | undefined,
  plans: readonly CommitPlan[],
): readonly CommitPlan[] {
  let current = files;
  let carrier = plans.findLastIndex(({ closing }) => closing !== undefined);
  if (carrier === -1) return plans;
  for (const [index, plan] of plans.entries()) {
    const next = edited(current, plan);
    if (next === undefined) continue;
    current = next;
    carrier = index;
  }
  const closing = plans.flatMap((plan) => plan.closing ?? []);
  return plans.map((plan, index) => (index === carrier ? { ...plan, edits: [...plan.edits, ...closing] } : plan));
}

/** Returns what `files` are after the plan, or `undefined` where it changes nothing. */
function edited(
  files: ReadonlyMap<string, string> | undefined,
  plan: CommitPlan,
): ReadonlyMap<string, string> | undefined {
  let next = files ?? new Map<string, string>();
  let isSame = true;
  for (const { path, apply } of plan.edits) {
    const current = next.get(path);
    const result = apply(current);
    const text = result === "unchanged" ? current : result === "absent" ? undefined : result;
    if (text === current) continue;
    next = changed(next, [[path, text]]);
    isSame = false;
  }
  return isSame ? undefined : next;
}

function messageFor(
  { message, edits, aside }: CommitPlan,
  before: ReadonlyMap<string, string> | undefined,
  after: ReadonlyMap<string, string>,
): string {
  const paths = edits.map(({ path }) => path).filter((path) => before?.get(path) !== after.get(path));
  return aside !== undefined && paths.every((path) => aside.paths.includes(path)) ? aside.message : message;
}

/** Takes index and work tree along; returns the files that the user has edited there, which stay as they are. */
function followWith(repository: FakeRepository, from: FakeCommit | undefined, to: FakeCommit): readonly string[] {
  const leftAlone: string[] = [];
  const paths = new Set([...(from?.files.keys() ?? []), ...to.files.keys()]);
  for (const path of paths) {
    const [before, after] = [from?.files.get(path), to.files.get(path)];
    if (before === after) continue;
    stageText(repository, path, after);
    const place = join(repository.dir, path);
    const onDisk = existsSync(place) ? readFileSync(place, "utf8") : undefined;
    if (onDisk === undefined || onDisk === before || onDisk === after) putOnDisk(repository, path, after);
    else leftAlone.push(path);
  }
  return leftAlone;
}

function treeId(view: FakeCommit | undefined, path: string): string | undefined {
  const text = view?.files.get(path);
  if (text !== undefined) return hashBlob(Buffer.from(text));
  const below = [...(view?.files ?? [])].filter(([name]) => name.startsWith(`${path}/`)).sort();
  return below.length === 0 ? undefined : sha1(JSON.stringify(below));
}

function listFolder(view: FakeCommit | undefined, path: string): { name: string; kind: "file" | "folder" }[] {
  const found = new Map<string, "file" | "folder">();
  for (const name of view?.files.keys() ?? []) {
    if (!name.startsWith(`${path}/`)) continue;
    const [first = "", ...rest] = name.slice(path.length + 1).split("/");
    found.set(first, rest.length === 0 ? "file" : "folder");
  }
  return [...found].map(([name, kind]) => ({ name, kind })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Every commit of the fake is the user's. */
const AUTHORSHIP = { author: "Ada", email: "ada@example.org", signature: "N", signer: null };
