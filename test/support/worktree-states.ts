import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { WorktreeRecord } from "../../src/store/worktrees/worktree-records.ts";
import type { GitRepo } from "./git-repo.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { openSessionTrees, type SessionTrees } from "./session-trees.ts";
import { blobsBelow, committedBlobs } from "./worktree-kills.ts";

/** A worktree in a state that somebody is to bring about. */
interface Place {
  readonly repo: GitRepo;
  readonly sessions: SessionTrees;
  readonly record: WorktreeRecord;
  readonly random: SeededRandom;
  readonly processes: ChildProcess[];
  /** A name that nothing else has. */
  readonly name: string;
  /** Writes a file (a character of the path is a byte); without a text, one that nothing else holds. */
  write(path: string, text?: string): void;
  git(...args: readonly string[]): string;
}

/** What somebody may have done in a worktree. */
interface Deed {
  readonly what: string;
  readonly make: (place: Place) => void;
  /** What is said of a worktree that stays for this; absent: it may go, since all of it is kept elsewhere. */
  readonly stays?: RegExp;
}

const MEGABYTES_51 = 51 * 1024 * 1024;
const MEGABYTES_11 = 11 * 1024 * 1024;

/** A file of zeros that takes no room. */
function sparse({ record }: Place, path: string, bytes: number): void {
  const place = join(record.dir, path);
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, "");
  truncateSync(place, bytes);
}

const MAY_GO: readonly [Deed, ...Deed[]] = [
  { what: "a new file", make: ({ write, name }) => write(`made/${name}.txt`) },
  { what: "a new file of an odd name", make: ({ write, name }) => write(`odd/\xff\n"${name}`) },
  { what: "a changed file", make: ({ write }) => write("README.md") },
  {
    what: "a file that is gone",
    make: ({ record }) => rmSync(join(record.dir, "src"), { recursive: true, force: true }),
  },
  { what: "a file that is a program now", make: ({ record }) => programAt(join(record.dir, "README.md")) },
  {
    what: "a link",
    make: ({ record, random }) => symlinkSync(`/nowhere/${random.next()}`, join(record.dir, `${random.next()}.link`)),
  },
  {
    what: "a folder in place of a file",
    make({ record, write, name }) {
      rmSync(join(record.dir, "src"), { recursive: true, force: true });
      write("src", `${name}\n`);
    },
  },
  {
    what: "something staged, and changed since",
    make({ write, git, name }) {
      write(`made/${name}.txt`, `${name} as staged\n`);
      git("add", "--force", `made/${name}.txt`);
      write(`made/${name}.txt`);
    },
  },
  {
    what: "a commit by hand",
    make({ write, git, name }) {
      write(`made/${name}.txt`);
      git("add", "--force", "--all", "made");
      git("commit", "--quiet", "--allow-empty", "-m", "by hand");
    },
  },
  {
    what: "a repository inside",
    make({ repo, record, write, name }) {
      repo.git("init", "--quiet", join(record.dir, `inner-${name}`));
      write(`inner-${name}/a.txt`);
    },
  },
  {
    what: "a bogus repository inside",
    make({ write, name }) {
      write(`bogus-${name}/.git/HEAD`, "nonsense\n");
      write(`bogus-${name}/a.txt`);
    },
  },
  {
    what: "an ignore file that hides all",
    make({ write, name }) {
      write(".gitignore", "*\n");
      write(`hidden/${name}.txt`);
    },
  },
  { what: "a file that git ignores", make: ({ write, name }) => write(`cache/${name}.ign`) },
  { what: "a file in a folder of programs", make: ({ write, name }) => write(`venv/${name}`) },
  { what: "a copied file that was changed since", make: ({ write }) => write("copied.ign") },
  {
    what: "a file that git is told not to look at",
    make({ write, git }) {
      if (git("ls-files", "README.md") !== "") git("update-index", "--assume-unchanged", "README.md");
      write("README.md");
    },
  },
];

const STAYS: readonly [Deed, ...Deed[]] = [
  {
    what: "a commit that no branch holds",
    make({ write, git, name }) {
      git("checkout", "--quiet", "--detach");
      write(`made/${name}.txt`);
      git("add", "--force", "--all", "made");
      git("commit", "--quiet", "-m", "mine");
    },
    stays: /^it is on no branch$/,
  },
  {
    what: "another branch",
    make: ({ git, name }) => void git("switch", "--quiet", "-c", `mine-${name}`),
    stays: /^it is on mine-/,
  },
  {
    what: "a merge under way",
    make: ({ repo, record }) =>
      writeFileSync(join(repo.dir, ".git/worktrees", record.slug, "MERGE_HEAD"), `${record.base}\n`),
    stays: /^a merge is in progress/,
  },
  {
    what: "a stash",
    make({ write, git }) {
      git("update-index", "--no-assume-unchanged", "README.md");
      write("README.md");
      git("stash", "--quiet", "--", "README.md");
    },
    stays: /^a stash was made on /,
  },
  {
    what: "a large file",
    make: (place) => sparse(place, "dump.bin", MEGABYTES_11),
    stays: /^in no commit: .*dump\.bin/,
  },
  {
    what: "what looks like a secret",
    make: ({ write, name }) => write(`made/${name}.key`, `SECRET ${name}\n`),
    stays: /^in no commit: .*\.key/,
  },
  {
    what: "a task file",
    make: ({ write, name }) => write(`inbox/${name}.md`),
    stays: /^in no commit: .*inbox\//,
  },
  {
    what: "a large file that git ignores",
    make: (place) => sparse(place, "cache/data.ign", MEGABYTES_51),
    stays: /ignored files \(\d+ bytes\) that no setup has made/,
  },
  {
    what: "a repository that holds objects",
    make: (place) => makeInner(place, "a.txt"),
    stays: /^inner\.d\/ is a repository of its own, which holds objects$/,
  },
  {
    what: "one that an ignore file of the agent hides",
    make(place) {
      appendFileSync(join(place.record.dir, ".gitignore"), "/inner.d\n");
      makeInner(place, "a.txt");
    },
    stays: /^inner\.d\/ is a repository of its own, which holds objects$/,
  },
  {
    what: "a repository with an ignored file",
    make: (place) => makeInner(place, "a.ign"),
    stays: /^inner\.d\/ is a repository of its own, in which git ignores a\.ign$/,
  },
  {
    what: "a repository that git ignores",
    make({ repo, record, write }) {
      repo.git("init", "--quiet", join(record.dir, "inner.ign"));
      write("inner.ign/a.txt");
    },
    stays: /^inner\.ign\/ is a repository of its own that git ignores$/,
  },
  {
    what: "an ignored file whose name is not UTF-8",
    make: ({ write }) => write("\xff.ign"),
    stays: /which git ignores, is not UTF-8$/,
  },
  {
    what: "a process",
    make: ({ record, processes }) =>
      void processes.push(spawn("sleep", ["600"], { cwd: record.dir, stdio: "ignore", detached: true })),
    stays: /^process \d+ works in it$/,
  },
  {
    what: "an open task",
    make: ({ sessions, record }) => void sessions.busy.add(record.session),
    stays: /^it is in use$/,
  },
];

/** A repository that has taken `file`, which git may ignore. */
function makeInner({ repo, record, write }: Place, file: string): void {
  const inner = join(record.dir, "inner.d");
  repo.git("init", "--quiet", inner);
  write(`inner.d/${file}`);
  if (!file.endsWith(".ign")) repo.git("-C", inner, "add", file);
}

function programAt(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) chmodSync(path, 0o755);
}

export interface StatesReport {
  readonly parked: number;
  readonly stayed: number;
  /** Contents that are in no commit and on no disk, by state. */
  readonly lost: readonly string[];
  /** What went although it was to stay, or stayed without its reason. */
  readonly wrong: readonly string[];
}

const DEEDS_MAX = 3;
/** So many of all states hold something for which the worktree has to stay. */
const STAYS_SHARE = 0.4;

/**
 * Brings worktrees of one repository, which has a commit and nothing of ours yet, into random states, and has each parked, twice: once
 * alone, and once with all others. Looks whether all of each is still there, and whether what was to stay is as it was.
 */
export async function parkRandomStates(repo: GitRepo, seed: number, states: number): Promise<StatesReport> {
  appendFileSync(join(repo.dir, ".git/info/exclude"), "*.ign\n");
  writeFileSync(join(repo.dir, "copied.ign"), "copied\n");
  const sessions = openSessionTrees(repo.dir);
  sessions.settings.copy = ["copied.ign"];
  const processes: ChildProcess[] = [];
  const [wrong, lost]: [string[], string[]] = [[], []];
  const written = new Map<string, readonly string[]>();
  const stayed = new Map<string, RegExp>();
  try {
    for (let state = 0; state < states; state += 1) {
      const random = seededRandom(seed, state);
      const record = await sessions.worktrees.open(`state ${state}`, () => true);
      const deeds = bringAbout({ repo, sessions, record, random, processes, name: `${state}` });
      const what = `${record.session}: ${deeds.map((deed) => deed.what).join(", then ")}`;
      written.set(what, blobsBelow(record.dir));
      const why = await sessions.removal.park(record.slug, () => !sessions.busy.has(record.session));
      const reasons = deeds.flatMap(({ stays }) => stays ?? []);
      if (why !== undefined) stayed.set(record.session, new RegExp(reasons.map(({ source }) => source).join("|")));
      const isRight = reasons.length === 0 ? why === undefined : reasons.some((reason) => reason.test(why ?? ""));
      if (!isRight) wrong.push(`${what}: ${why ?? "it has gone"}`);
      if ((why === undefined) === existsSync(record.dir)) wrong.push(`${what}: the folder says otherwise than ${why}`);
    }
    for (const { session, why } of await sessions.keeping.tidy({ all: true }))
      if (stayed.get(session)?.test(why) !== true) wrong.push(`${session} stays in the end: ${why}`);
    const kept = new Set([...committedBlobs(repo), ...sessions.records.list().flatMap(({ dir }) => blobsBelow(dir))]);
    for (const [what, blobs] of written) if (blobs.some((blob) => !kept.has(blob))) lost.push(what);
    for (const session of stayed.keys())
      if (!existsSync(sessions.records.find(session)?.dir ?? "")) wrong.push(`${session} has gone in the end`);
  } finally {
    for (const { pid } of processes) if (pid !== undefined) process.kill(pid, "SIGKILL");
  }
  return { parked: states - stayed.size, stayed: stayed.size, lost, wrong };
}

function bringAbout(parts: Omit<Place, "write" | "git">): readonly Deed[] {
  const { repo, record, random, name } = parts;
  let number = 0;
  const place: Place = {
    ...parts,
    write(path, text) {
      number += 1;
      const at = Buffer.concat([Buffer.from(`${record.dir}/`), Buffer.from(path, "latin1")]);
      mkdirSync(join(record.dir, dirname(path)), { recursive: true });
      writeFileSync(at, text ?? `${name} ${number} ${random.next()}\n`);
    },
    git: (...args) => repo.git("-C", record.dir, ...args),
  };
  const deeds = Array.from({ length: random.below(DEEDS_MAX + 1) }, () => random.pick(MAY_GO));
  // The last one: what else lies there is in the way of some git commands of its own otherwise.
  const all = random.chance(STAYS_SHARE) ? [...deeds, random.pick(STAYS)] : deeds;
  for (const deed of all) deed.make(place);
  return all;
}
