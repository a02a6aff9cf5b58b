import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemErrorCode } from "../../base/errors.ts";
import { syncFolder } from "../../base/files/durable-file.ts";
import { readStartTicks } from "../../base/process/process-identity.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { ObjectFormat } from "./object-format.ts";

/**
 * The packs that we write, one a batch, made into larger ones at quiet moments. A file "pack-….keep" with a text of ours lies beside
 * each, and says how often it was joined: no `git gc` or `git repack` of the user's touches such a pack or counts it. Joined twice it
 * is large enough to be one of the user's: the file goes.
 *
 * Safe at every moment, also beside a repack that is under way: a new pack is kept and durable before the old ones go, and a pack that
 * was kept when a repack listed its packs is not removed by it.
 */
export interface OwnPacks {
  /** What is written into ".keep" beside a new pack. */
  readonly keepText: string;
  /** Removes what a crash of ours left half-made; nobody else may be writing packs of ours. */
  clean(): void;
  /**
   * Joins packs where there are many, in a child of low priority; otherwise lists a folder.
   *
   * @returns whether packs were removed: who has them open should let go
   */
  join(signal: AbortSignal): Promise<boolean>;
}

export interface OwnPacksOptions {
  readonly objectsDir: string;
  /** The git directory that all linked worktrees share. */
  readonly commonDir: string;
  readonly format: ObjectFormat;
  /** Tells the packs of one workspace from those of another in the same repository. One word. */
  readonly owner: string;
  /** So many packs of one level become one of the next. */
  readonly joinAt?: number;
  /** For tests: is called after each step, by its name. */
  readonly onStep?: (step: string) => void;
}

/** More than fifty packs that are not kept make `git gc --auto` repack. */
const JOIN_AT = 40;
/** A pack of this level is handed over to the user's maintenance. */
const LEVEL_MAX = 2;
const TEMPORARY = /^tmp_(?:pack|idx)_codex_inbox_/;
const OWN_KEEP = /^codex-inbox \S+ \d+\n$/;
const JOINED = "codex-inbox-joined-";

export function createOwnPacks(options: OwnPacksOptions): OwnPacks {
  const { objectsDir, commonDir, owner, joinAt = JOIN_AT, onStep = () => undefined } = options;
  const folder = join(objectsDir, "pack");
  const keepTextOf = (level: number): string => `codex-inbox ${owner} ${level}\n`;
  const pathOf = (name: string, end: string): string => join(folder, `${name}.${end}`);

  /** Names ("pack-…") of our packs by level. */
  function list(): ReadonlyMap<number, readonly string[]> {
    const levels = new Map<number, string[]>();
    for (const file of namesIn(folder)) {
      if (!file.endsWith(".keep")) continue;
      const name = file.slice(0, -".keep".length);
      const level = Array.from({ length: LEVEL_MAX + 1 }, (_, n) => n).find(
        (n) => textOf(pathOf(name, "keep")) === keepTextOf(n),
      );
      if (level !== undefined) levels.set(level, [...(levels.get(level) ?? []), name]);
    }
    return levels;
  }

  function remove(name: string, ends: readonly string[]): void {
    for (const end of ends) rmSync(pathOf(name, end), { force: true });
  }

  /** Makes the objects of `names` one pack of `level`, and removes `names`. */
  async function joinAll(names: readonly string[], level: number, signal: AbortSignal): Promise<boolean> {
    const ids = new Set(names.flatMap((name) => readIds(pathOf(name, "idx"), options.format)));
    // Not beside the packs: `git repack -a -d` removes whatever ends in ".pack" there and is not kept.
    const base = join(objectsDir, `${JOINED}${process.pid}`);
    const settings = [
      "-c",
      "core.fsync=all",
      "-c",
      "pack.threads=1",
      "-c",
      "pack.windowMemory=64m",
      "-c",
      "pack.writeReverseIndex=false",
    ];
    const args = [...settings, "pack-objects", "--quiet", base];
    const made = await runGit({ gitDir: commonDir }, args, {
      input: `${[...ids].join("\n")}\n`,
      signal,
      isBackground: true,
    });
    if (made.status !== 0) {
      if (signal.aborted) return false;
      throw new GitError(`git pack-objects: ${made.stderr}`);
    }
    onStep("written");
    const hash = made.stdout.toString("latin1").trim();
    const name = `pack-${hash}`;
    if (names.includes(name)) return false; // All of it was in one of them.
    writeFileSync(pathOf(name, "keep"), keepTextOf(level));
    onStep("kept");
    renameSync(`${base}-${hash}.pack`, pathOf(name, "pack"));
    onStep("moved");
    renameSync(`${base}-${hash}.idx`, pathOf(name, "idx"));
    await syncFolder(folder);
    onStep("visible");
    const held = new Set(readIds(pathOf(name, "idx"), options.format));
    if ([...ids].some((id) => !held.has(id))) throw new Error(`${name} lacks objects of the packs that it joins`);
    for (const old of names) {
      remove(old, ["idx"]);
      onStep("hidden");
      remove(old, ["pack", "rev", "keep"]);
      onStep("removed");
      await nextTurn(); // Some 160 files go, which a disk may take a tenth of a second for.
    }
    return true;
  }

  /** Packs of the greatest level, and packs that an index over several packs names, are the user's to tidy up. */
  function handOver(levels: ReadonlyMap<number, readonly string[]>): ReadonlySet<string> {
    const index = textOf(join(folder, "multi-pack-index"), "latin1") ?? "";
    const named = [...levels.values()].flat().filter((name) => index.includes(`${name}.idx`));
    const handed = new Set([...(levels.get(LEVEL_MAX) ?? []), ...named]);
    for (const name of handed) remove(name, ["keep"]);
    return handed;
  }

  return {
    keepText: keepTextOf(0),
    clean() {
      for (const file of namesIn(folder)) if (TEMPORARY.test(file)) rmSync(join(folder, file), { force: true });
      for (const file of namesIn(objectsDir))
        if (file.startsWith(JOINED)) rmSync(join(objectsDir, file), { force: true });
      // Without its index git does not see a pack: it was not finished, or was about to be removed.
      for (const name of [...list().values()].flat())
        if (!existsSync(pathOf(name, "idx"))) remove(name, ["pack", "rev", "keep"]);
    },
    async join(signal) {
      if (signal.aborted || isMaintained(commonDir, objectsDir)) return false;
      let removed = false;
      for (let level = 0; level < LEVEL_MAX; level += 1) {
        const levels = list();
        const handed = handOver(levels);
        const names = (levels.get(level) ?? []).filter((name) => !handed.has(name) && existsSync(pathOf(name, "idx")));
        if (names.length >= joinAt) removed = (await joinAll(names, level + 1, signal)) || removed;
      }
      handOver(list());
      return removed;
    },
  };
}

/** Returns the paths of what a crash of ours has left half-made among the packs of `objectsDir`; `clean` removes it. */
export function leftOverPacks(objectsDir: string): readonly string[] {
  const folder = join(objectsDir, "pack");
  const names = namesIn(folder);
  const isOurs = (name: string): boolean => OWN_KEEP.test(textOf(join(folder, `${name}.keep`)) ?? "");
  const blind = names
    .filter((file) => file.endsWith(".keep"))
    .map((file) => file.slice(0, -".keep".length))
    .filter((name) => !names.includes(`${name}.idx`) && isOurs(name));
  return [
    ...names.filter((name) => TEMPORARY.test(name)).map((name) => join(folder, name)),
    ...namesIn(objectsDir).flatMap((name) => (name.startsWith(JOINED) ? join(objectsDir, name) : [])),
    ...blind.flatMap((name) => names.flatMap((file) => (file.startsWith(`${name}.`) ? join(folder, file) : []))),
  ];
}

/** Tells whether maintenance of the user's is under way. What it would do is safe beside us; it is only left alone. */
export function isMaintained(commonDir: string, objectsDir: string): boolean {
  if (existsSync(join(objectsDir, "maintenance.lock"))) return true;
  // An index over several packs in layers: which packs it names is not looked up.
  if (existsSync(join(objectsDir, "pack", "multi-pack-index.d"))) return true;
  const pid = Number(/^\d+/.exec(textOf(join(commonDir, "gc.pid")) ?? "")?.[0]);
  return Number.isInteger(pid) && pid > 0 && readStartTicks(pid) !== undefined;
}

/** Reads the ids of an index of version 2. */
function readIds(path: string, format: ObjectFormat): readonly string[] {
  const bytes = readFileSync(path);
  const [head, fanOut] = [8, 256 * 4];
  const idBytes = format === "sha1" ? 20 : 32;
  const count = bytes.readUInt32BE(head + fanOut - 4);
  const start = head + fanOut;
  return Array.from({ length: count }, (_, n) => bytes.toString("hex", start + n * idBytes, start + (n + 1) * idBytes));
}

function namesIn(folder: string): readonly string[] {
  return absentIfMissing(() => readdirSync(folder)) ?? [];
}

function textOf(path: string, encoding: "utf8" | "latin1" = "utf8"): string | undefined {
  return absentIfMissing(() => readFileSync(path, encoding));
}

function absentIfMissing<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
