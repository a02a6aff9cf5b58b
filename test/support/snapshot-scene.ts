import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { createConfiguredPrograms } from "../../src/git/repository/configured-programs.ts";
import { locateRepository } from "../../src/git/repository/known-repositories.ts";
import { createSnapshots, type Snapshot, type SnapshotRequest } from "../../src/git/snapshots/snapshot.ts";
import type { GitRepo } from "./git-repo.ts";
import { tempRepo } from "./temp-repo.ts";

const ME = "Somebody <somebody@example.org>";
export const OURS = ["inbox", "sessions", "tasks.md", "tasks"];

export interface SnapshotScene {
  readonly repo: GitRepo;
  /** HEAD when the scene was made. */
  readonly head: string;
  request(changes?: Partial<SnapshotRequest>): SnapshotRequest;
  /** Takes one; compared with HEAD, by its ignore rules. */
  take(changes?: Partial<SnapshotRequest>): Promise<Snapshot>;
  /** Takes one that has to find something. */
  taken(changes?: Partial<SnapshotRequest>): Promise<Snapshot & { readonly kind: "taken" }>;
  /** What a commit holds at `path`; `undefined` where nothing is. */
  show(commit: string, path: string): string | undefined;
}

/** A repository with one commit, and snapshots of it. "SECRET-…" is a secret here. */
export function snapshotScene(repo: GitRepo = tempRepo()): SnapshotScene {
  const repository = locateRepository(repo.dir);
  if (repository === undefined) throw new Error(`no repository at ${repo.dir}`);
  const snapshots = createSnapshots({
    programs: createConfiguredPrograms(),
    secretsIn: async (text) =>
      text.split("\n").flatMap((line, n) => (line.includes("SECRET-") ? [{ line: n + 1, kind: "token" }] : [])),
  });
  const head = repo.tryGit("rev-parse", "--verify", "HEAD").stdout.trim();
  const request: SnapshotScene["request"] = (changes = {}) => ({
    ...{ repository, indexPath: join(repo.dir, ".git/codex-inbox/work-trees/main"), ours: OURS },
    ...{ parents: head === "" ? [] : [head], rulesFrom: head === "" ? undefined : head },
    ...{ message: "docs: Fix it (turn 1)\n\nRun: 1", author: "Codex <codex@example.org>", committer: ME },
    ...{ atMs: 1_700_000_000_000, secrets: "take" as const },
    limits: { fileBytesMax: 10 * 1024 * 1024, totalBytesMax: 20 * 1024 * 1024, filesMax: 50_000 },
    ...changes,
  });
  const take: SnapshotScene["take"] = (changes) => snapshots.take(request(changes));
  return {
    ...{ repo, head, request, take },
    async taken(changes) {
      const snapshot = await take(changes);
      if (snapshot.kind !== "taken") throw new Error("nothing was found");
      return snapshot;
    },
    show(commit, path) {
      const { status, stdout } = repo.tryGit("show", `${commit}:${path}`);
      return status === 0 ? stdout : undefined;
    },
  };
}

/** Returns a digest of each file below `dir`, times of change included; what is below `except` (from `dir`) is left out. */
export function digestOf(dir: string, except: readonly string[] = []): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  const walk = (path: string): void => {
    for (const name of readdirSync(join(dir, path))) {
      const inner = path === "" ? name : `${path}/${name}`;
      if (except.includes(inner)) continue;
      const stats = lstatSync(join(dir, inner));
      if (stats.isDirectory()) walk(inner);
      else {
        const content = stats.isSymbolicLink() ? readlinkSync(join(dir, inner)) : readFileSync(join(dir, inner));
        all.set(inner, `${stats.mode} ${stats.mtimeMs} ${createHash("sha256").update(content).digest("hex")}`);
      }
    }
  };
  walk("");
  return all;
}
