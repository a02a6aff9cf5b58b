import { foldLedger } from "../../src/task/ledger/ledger.ts";
import type { FakeClaims, FakeClaimsRemote } from "../fakes/fake-claims-remote.ts";
import { createWorld, type World } from "./world.ts";

/** A clone of a workspace whose remote lives in memory. */
export interface Clone {
  readonly world: World;
  readonly remote: FakeClaimsRemote;
}

export function createClone(remote: FakeClaims, id: string): Clone {
  const world = createWorld(id);
  const mine = remote.connect();
  world.shared = mine;
  return { world, remote: mine };
}

/** Returns the id of the n-th task of a test. */
export function taskId(n: number): string {
  return `20261120-141530-k3f9${String(n).padStart(2, "0")}`;
}

/** Commits a drop in each clone, as a push that both have pulled. */
export function commitDrop(clones: readonly Clone[], n: number, frontMatter = "", session = `s${n}`): void {
  const text = `---\nid: ${taskId(n)}\nsessionKey: ${session}\n${frontMatter}\n---\ndo ${n}\n`;
  for (const { world } of clones) world.repository.user.commit({ [`inbox/${taskId(n)}.md`]: text });
}

/** The branch of `from` reaches the remote, and whatever changed there the branch of `to`. */
export async function travel(remote: FakeClaims, from: Clone, to: readonly Clone[]): Promise<void> {
  publish(remote, from);
  const files = from.world.repository.tip?.files ?? new Map<string, string>();
  for (const { world, remote: seen } of to) {
    const before = world.repository.tip?.files ?? new Map<string, string>();
    const paths = [...new Set([...before.keys(), ...files.keys()])].filter(
      (path) => before.get(path) !== files.get(path),
    );
    world.repository.user.commit(Object.fromEntries(paths.map((path) => [path, files.get(path)])));
    seen.fetch();
    await world.advance(1_000);
  }
}

/** The branch of `from` reaches the remote, and `from` knows. */
export function publish(remote: FakeClaims, from: Clone): void {
  for (const [task, row] of foldLedger(from.world.rows())) remote.rows.set(task, row);
}
