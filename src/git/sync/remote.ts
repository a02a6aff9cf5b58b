import { rmSync } from "node:fs";
import { join } from "node:path";
import { readStamp } from "../../base/files/file-stamp.ts";
import { CLAIMS } from "../../task/claims/claim.ts";
import { writeLooseObject } from "../objects/loose-objects.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { refsBelow } from "../worktrees/session-branch.ts";
import { type PushOutcome, parsePushReport } from "./push-report.ts";
import { ACCESS_NAME, accessTo } from "./remote-access.ts";
import { faultOf } from "./remote-error.ts";
import { type RemoteResult, runWithRemote } from "./remote-process.ts";

/** What the remote held at the end of a fetch. */
export interface Fetched {
  /** The commit of the branch; `undefined` where the remote has no such branch yet. */
  readonly tip: string | undefined;
  /** What the refs below `CLAIMS` name, by the rest of their name. */
  readonly claims: ReadonlyMap<string, string>;
}

/** One ref of the remote that is to move. */
export interface RefUpdate {
  /** Its full name there. */
  readonly ref: string;
  /** The object that it is to name; `undefined`: it is to go. */
  readonly to: string | undefined;
  /** It moves only from there; `undefined` in it: only where it is not yet. Without a lease a branch moves forward only. */
  readonly lease?: { readonly from: string | undefined };
}

/**
 * A remote of the repository's configuration. Nothing of the user's moves with it: neither `refs/remotes`, tags, FETCH_HEAD nor the branch.
 * One call runs after the other.
 */
export interface Remote {
  readonly name: string;
  /** Brings the branch and all claims here, below `refs/codex-inbox/remotes/<name>/`. @throws RemoteError, GitError; AbortError */
  fetch(signal: AbortSignal): Promise<Fetched>;
  /** Brings refs below `folders` ("refs/heads/some/"), under their own names, where nothing is yet. @throws RemoteError, GitError; AbortError */
  bring(folders: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Moves refs of the remote, each for itself: the outcome of one says nothing of another.
   *
   * @returns by ref; one for each update
   * @throws RemoteError where the remote cannot be used; what became of the updates is not known then. GitError; AbortError
   */
  push(updates: readonly RefUpdate[], signal: AbortSignal): Promise<ReadonlyMap<string, PushOutcome>>;
  /** Returns the texts of blobs that are here; of one that is none, or larger than `bytesMax`, nothing. @throws GitError */
  readTexts(ids: readonly string[], bytesMax: number): Promise<ReadonlyMap<string, string>>;
  /** Keeps a text as a blob, durably, for a ref to name. Returns its id. */
  writeText(text: string): Promise<string>;
}

/** Both get what they need for a large history at first; a connection that stands still ends earlier. */
const FETCH_MS = 10 * 60_000;
const PUSH_MS = 10 * 60_000;
/** Of one command line. */
const UPDATES_AT_ONCE = 400;
/** A lock of a ref of ours that is older was left by a loss of power. */
const LOCK_AGE_MS = 15 * 60_000;

/** Moves nothing but what is named, runs no hook, and keeps what comes durably before a ref names it. */
const DURABLE = ["-c", "core.fsync=loose-object,pack,reference", "-c", "core.fsyncMethod=fsync"] as const;
const FETCH = [
  ...["fetch", "--no-write-fetch-head", "--no-tags", "--prune", "--refmap=", "--no-auto-maintenance"],
  ...["--no-recurse-submodules", "--no-show-forced-updates", "--no-write-commit-graph", "--quiet"],
] as const;
const PUSH = [
  ...["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--no-atomic"],
  ...["--no-force-if-includes", "--recurse-submodules=no"],
] as const;

export interface RemoteOptions {
  /** Its name in git's configuration. */
  readonly name: string;
  /** The branch to bring, without `refs/heads/`. */
  readonly branch: string;
  readonly fetchMs?: number;
  readonly pushMs?: number;
}

export function createRemote(repository: KnownRepository, options: RemoteOptions): Remote {
  const { name, branch } = options;
  const root = `refs/codex-inbox/remotes/${name}/`;
  const tracked = `${root}heads/${branch}`;
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };

  async function run(args: readonly string[], timeMs: number, signal: AbortSignal): Promise<RemoteResult> {
    signal.throwIfAborted();
    const environment = await accessTo(repository, name);
    const result = await runWithRemote(repository, [...DURABLE, ...args], { environment, timeMs, signal });
    signal.throwIfAborted();
    return result;
  }

  async function fetchRefs(
    refspecs: readonly string[],
    signal: AbortSignal,
    more: readonly string[] = [],
  ): Promise<RemoteResult> {
    const args = [...FETCH, ...more, ACCESS_NAME, ...refspecs];
    const result = await run(args, options.fetchMs ?? FETCH_MS, signal);
    if (result.status === 0 || !removeOldLock(repository, result.stderr, root)) return result;
    return run(args, options.fetchMs ?? FETCH_MS, signal);
  }

  async function fetch(signal: AbortSignal): Promise<Fetched> {
    const claims = `+${CLAIMS}*:${root}claims/*`;
    let result = await fetchRefs([`+refs/heads/${branch}:${tracked}`, claims], signal);
    // A remote that is new has no branch; then nothing else has come either.
    const isNew = result.status !== 0 && result.stderr.includes(`couldn't find remote ref refs/heads/${branch}`);
    if (isNew) {
      await forget(repository, tracked);
      result = await fetchRefs([claims], signal);
    }
    if (result.status !== 0) throw faultOf(name, result);
    const refs = await refsBelow(repository, root);
    const held = [...refs].filter(([ref]) => ref.startsWith(`${root}claims/`));
    return {
      tip: refs.get(tracked),
      claims: new Map(held.map(([ref, id]) => [ref.slice(`${root}claims/`.length), id])),
    };
  }

  async function bring(folders: readonly string[], signal: AbortSignal): Promise<void> {
    const refspecs = folders.map((folder) => `${folder}*:${folder}*`);
    const result = await fetchRefs(refspecs, signal, ["--no-prune"]);
    if (result.status !== 0) throw faultOf(name, result);
  }

  async function push(updates: readonly RefUpdate[], signal: AbortSignal): Promise<ReadonlyMap<string, PushOutcome>> {
    const outcomes = new Map<string, PushOutcome>();
    for (let at = 0; at < updates.length; at += UPDATES_AT_ONCE) {
      const some = updates.slice(at, at + UPDATES_AT_ONCE);
      const leases = some.flatMap(({ ref, lease }) =>
        lease === undefined ? [] : [`--force-with-lease=${ref}:${lease.from ?? ""}`],
      );
      const refspecs = some.map(({ ref, to }) => `${to ?? ""}:${ref}`);
      const result = await run([...PUSH, ...leases, ACCESS_NAME, ...refspecs], options.pushMs ?? PUSH_MS, signal);
      const told = parsePushReport(result.stdout);
      // Each ref has a line once the remote has answered.
      if (some.some(({ ref }) => !told.has(ref))) throw faultOf(name, result);
      for (const { ref } of some) outcomes.set(ref, told.get(ref) ?? { kind: "refused", reason: "" });
      await follow(some.filter(({ ref }) => told.get(ref)?.kind === "accepted"));
    }
    return outcomes;
  }

  /** What the remote has taken it holds: nobody has to fetch for that. */
  async function follow(updates: readonly RefUpdate[]): Promise<void> {
    const lines = updates.flatMap(({ ref, to }) => {
      const here =
        ref === `refs/heads/${branch}`
          ? tracked
          : ref.startsWith(CLAIMS)
            ? `${root}claims/${ref.slice(CLAIMS.length)}`
            : undefined;
      if (here === undefined) return [];
      return [to === undefined ? `delete ${here}\n` : `update ${here} ${to}\n`];
    });
    if (lines.length === 0) return;
    const { status, stderr } = await runGit(repository, ["update-ref", "--stdin"], { input: lines.join("") });
    if (status !== 0) throw new GitError(`git cannot move refs below ${root}: ${stderr}`);
  }

  return {
    name,
    fetch: (signal) => inTurn(() => fetch(signal)),
    bring: (folders, signal) => inTurn(() => bring(folders, signal)),
    push: (updates, signal) => inTurn(() => push(updates, signal)),
    readTexts: (ids, bytesMax) => readTexts(repository, ids, bytesMax),
    async writeText(text) {
      const asked = await runGit(repository, ["rev-parse", "--show-object-format"]);
      const format = asked.stdout.toString("latin1").trim() === "sha256" ? "sha256" : "sha1";
      return writeLooseObject(join(repository.commonDir, "objects"), format, "blob", Buffer.from(text));
    },
  };
}

async function forget(repository: KnownRepository, ref: string): Promise<void> {
  const { status, stderr } = await runGit(repository, ["update-ref", "-d", ref]);
  if (status !== 0) throw new GitError(`git cannot remove ${ref}: ${stderr}`);
}

/** Nobody but us writes refs below `root`: a lock there that is old has no owner. */
function removeOldLock({ commonDir }: KnownRepository, said: string, root: string): boolean {
  const [, path] = /Unable to create '([^']+\.lock)': File exists/.exec(said) ?? [];
  if (path === undefined || !path.startsWith(join(commonDir, root))) return false;
  const stamp = readStamp(path);
  if (stamp === undefined || Date.now() - stamp.modifiedMs < LOCK_AGE_MS) return false;
  rmSync(path, { force: true });
  return true;
}

async function readTexts(
  repository: KnownRepository,
  ids: readonly string[],
  bytesMax: number,
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const sizes = await batch(repository, "--batch-check=%(objectname) %(objecttype) %(objectsize)", ids);
  const small = sizes
    .toString("latin1")
    .split("\n")
    .flatMap((line) => {
      const [id = "", type, size] = line.split(" ");
      return type === "blob" && Number(size) <= bytesMax ? [{ id, size: Number(size) }] : [];
    });
  const content = await batch(
    repository,
    "--batch",
    small.map(({ id }) => id),
  );
  const texts = new Map<string, string>();
  let at = 0;
  for (const { id, size } of small) {
    at += `${id} blob ${size}\n`.length;
    texts.set(id, content.toString("utf8", at, at + size));
    at += size + 1;
  }
  return texts;
}

async function batch(repository: KnownRepository, how: string, ids: readonly string[]): Promise<Buffer> {
  if (ids.length === 0) return Buffer.alloc(0);
  const input = ids.map((id) => `${id}\n`).join("");
  const { status, stdout, stderr } = await runGit(repository, ["cat-file", how], { input });
  if (status !== 0) throw new GitError(`git cat-file: ${stderr}`);
  return stdout;
}
