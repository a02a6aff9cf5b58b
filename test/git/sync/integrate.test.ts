import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMerger } from "../../../src/git/merge/merger.ts";
import { type Integration, integrate } from "../../../src/git/sync/integrate.ts";
import { createRemote } from "../../../src/git/sync/remote.ts";
import { foldLedger, parseLedger, type TaskStatus } from "../../../src/task/ledger/ledger.ts";
import { mergeAttributes } from "../../../src/task/records/merged-files.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { renderTaskFile } from "../../support/kept.ts";
import { ledgerLine } from "../../support/ledger-rows.ts";
import { taskRecord } from "../../support/task-record.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

type Files = Readonly<Record<string, string | undefined>>;

interface Site {
  readonly repo: GitRepo;
  readonly base: string;
  /** Commits on top of `parent`, in a work tree of its own; returns the commit. */
  side(files: Files, parent?: string): string;
  integrate(local: string, remote: string): Promise<Integration>;
  textAt(commit: string, path: string): string | undefined;
}

function site(files: Files): Site {
  const repo = tempRepo();
  const other = gitRepoAt(join(tempDir(), "other"));
  repo.git("worktree", "add", "--quiet", "--detach", other.dir, "main");
  const side = (changed: Files, parent = "main"): string => {
    other.git("checkout", "--quiet", "--detach", parent);
    for (const [path, text] of Object.entries(changed)) {
      if (text === undefined) rmSync(join(other.dir, path));
      else other.write(path, text);
    }
    other.git("add", "--all", "--force");
    other.git("commit", "--quiet", "--allow-empty", "-m", "a side");
    return other.git("rev-parse", "HEAD");
  };
  const base = side(files);
  const gitDir = join(repo.dir, ".git");
  const repository = { topDir: repo.dir, gitDir, commonDir: gitDir };
  const deps = {
    ...{ repository, prefix: "", now: () => 1_800_000_000_000, identity: async () => "A <a@example.org>" },
    merger: createMerger(repository, join(gitDir, "merging"), { attributes: mergeAttributes(""), renames: false }),
    readTexts: createRemote(repository, { name: "origin", branch: "main" }).readTexts,
    indexPath: join(gitDir, "merging-index"),
  };
  return {
    ...{ repo, base, side: (changed, parent = base) => side(changed, parent) },
    integrate: (local, remote) => integrate(deps, local, remote),
    textAt(commit, path) {
      const { status, stdout } = repo.tryGit("show", `${commit}:${path}`);
      return status === 0 ? stdout : undefined;
    },
  };
}

async function merged({ integrate: bring }: Site, local: string, remote: string): Promise<string> {
  const made = await bring(local, remote);
  if (made.kind !== "merged") throw new Error(JSON.stringify(made));
  return made.commit;
}

const ID = "20261120-141530-k3f9x2";
const file = (status: TaskStatus, endedAt?: string, prompt = "Do it.\n"): string =>
  renderTaskFile(taskRecord({ id: ID, status, endedAt, prompt, source: "inbox/x.md" }));

describe("two tips of one branch", () => {
  it("are told apart by what each holds", async () => {
    const place = site({ "a.txt": "a\n" });
    const [one, two] = [place.side({ "a.txt": "A\n" }), place.side({ "b.txt": "b\n" })];
    expect(await place.integrate(one, one)).toEqual({ kind: "same" });
    expect(await place.integrate(one, place.base)).toEqual({ kind: "ahead" });
    expect(await place.integrate(place.base, one)).toEqual({ kind: "behind" });
    const commit = await merged(place, one, two);
    expect(place.repo.git("log", "-1", "--format=%P", commit)).toBe(`${one} ${two}`);
    expect([place.textAt(commit, "a.txt"), place.textAt(commit, "b.txt")]).toEqual(["A\n", "b\n"]);
    const root = place.repo.git("commit-tree", "HEAD^{tree}", "-m", "another history");
    expect(await place.integrate(one, root)).toEqual({ kind: "unrelated" });
  });

  it("conflict in the user's files alone, and these are named", async () => {
    const place = site({ "a.txt": "a\n", "tasks.md": "", "inbox/x.md": "Do it.\n" });
    const one = place.side({ "a.txt": "A\n", "tasks.md": "| one |\n", "inbox/x.md": undefined });
    const two = place.side({ "a.txt": "B\n", "tasks.md": "| two |\n", "inbox/x.md": "Do more.\n" });
    expect(await place.integrate(one, two)).toEqual({ kind: "conflict", paths: ["a.txt"] });
  });
});

describe("a drop that one side has taken", () => {
  const taken: Files = { "inbox/x.md": undefined, "sessions/x/x.md": file("queued") };

  it("goes although the other side has given it another name", async () => {
    const place = site({ "inbox/x.md": "Do it.\n" });
    const [one, two] = [place.side(taken), place.side({ "inbox/x.md": undefined, "inbox/sub/y.md": "Do it.\n" })];
    for (const commit of [await merged(place, one, two), await merged(place, two, one)]) {
      expect(place.repo.git("ls-tree", "-r", "--name-only", commit, "inbox")).toBe("");
      expect(place.textAt(commit, "sessions/x/x.md")).toBe(file("queued"));
    }
  });

  it("stays where the other side has edited it, and where nobody took it", async () => {
    const place = site({ "inbox/x.md": "Do it.\n" });
    const [one, two] = [place.side(taken), place.side({ "inbox/x.md": "Do more.\n" })];
    expect(place.textAt(await merged(place, one, two), "inbox/x.md")).toBe("Do more.\n");
    expect(place.textAt(await merged(place, two, one), "inbox/x.md")).toBe("Do more.\n");
    const removed = place.side({ "inbox/x.md": undefined });
    const renamed = place.side({ "inbox/x.md": undefined, "inbox/y.md": "Do it.\n" });
    expect(place.textAt(await merged(place, removed, renamed), "inbox/y.md")).toBe("Do it.\n");
  });
});

it("two prompts under one name both stay, alike in every clone", async () => {
  const place = site({ "a.txt": "a\n" });
  const [one, two] = [place.side({ "inbox/x.md": "One.\n" }), place.side({ "inbox/x.md": "Two.\n" })];
  const trees = [await merged(place, one, two), await merged(place, two, one)].map((commit) =>
    place.repo.git("rev-parse", `${commit}:inbox`),
  );
  expect(trees[0]).toBe(trees[1]);
  const texts = place.repo.git("ls-tree", "--name-only", `${trees[0]}`).split("\n");
  expect(texts).toHaveLength(2);
  expect(texts[0]).toMatch(/^x-[0-9a-f]{8}\.md$/);
});

it("of a task's file the version counts that the ledger counts; notes of users on one outcome are joined", async () => {
  const place = site({ "sessions/x/x.md": file("queued") });
  const side = (text: string): string => place.side({ "sessions/x/x.md": text });
  const early = file("succeeded", "2026-11-20T10:00:00Z");
  const late = file("succeeded", "2026-11-20T11:00:00Z");
  const failed = file("failed", "2026-11-20T12:00:00Z");
  const pairs = [
    [early, late, late],
    [failed, early, early],
    [early, file("queued", undefined, "Do it well.\n"), early],
  ] as const;
  for (const [one, two, kept] of pairs) {
    expect(place.textAt(await merged(place, side(one), side(two)), "sessions/x/x.md")).toBe(kept);
    expect(place.textAt(await merged(place, side(two), side(one)), "sessions/x/x.md")).toBe(kept);
  }
  const both = await merged(place, side(`${early}one\n`), side(`${early}two\n`));
  expect(place.textAt(both, "sessions/x/x.md")).toMatch(/one\n.*two\n/s);
});

/** What one clone does with task `number`. */
interface Step {
  readonly number: number;
  readonly status: "queued" | "running" | "succeeded" | "failed";
}

const steps = fc.array(
  fc.record<Step>({ number: fc.nat(5), status: fc.constantFrom("queued", "running", "succeeded", "failed") }),
  { minLength: 1, maxLength: 8 },
);

/** The ledger, transcript, drops and task files of a clone that has done `all`. */
function history(all: readonly Step[], clone: string): Files {
  const files: Record<string, string | undefined> = {};
  let [ledger, transcript] = ["", ""];
  for (const [at, { number, status }] of all.entries()) {
    const id = `20261120-14153${number}-k3f9x2`;
    const time = `2026-11-20T1${clone.length}:00:0${at}.000Z`;
    const endedAt = status === "succeeded" || status === "failed" ? time : undefined;
    ledger += `${ledgerLine({ time, task: id, session: "s", run: 1, status, detail: clone })}\n`;
    transcript += `${JSON.stringify({ task: id, clone, at })}\n`;
    files[`inbox/${number}.md`] = undefined;
    files[`sessions/s/${number}.md`] = renderTaskFile(
      taskRecord({ id, status, endedAt, source: `inbox/${number}.md` }),
    );
  }
  return { ...files, "tasks.md": `start\n${ledger}`, "sessions/s/transcript.jsonl": transcript };
}

it("two histories of ours never conflict, in either order, and nothing is lost or doubled", async () => {
  const start = Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`inbox/${n}.md`, `Do ${n}.\n`]));
  const place = site({ ...start, "tasks.md": "start\n" });
  await fc.assert(
    fc.asyncProperty(steps, steps, async (one, two) => {
      const [a, b] = [place.side(history(one, "a")), place.side(history(two, "bb"))];
      const [first, second] = [await merged(place, a, b), await merged(place, b, a)];
      const [mine, theirs] = [first, second].map((commit) => parseLedger(place.textAt(commit, "tasks.md") ?? ""));
      expect(foldLedger(mine ?? [])).toEqual(foldLedger(theirs ?? []));
      expect(mine).toHaveLength(one.length + two.length);
      const lines = (place.textAt(first, "sessions/s/transcript.jsonl") ?? "").trimEnd().split("\n");
      expect(new Set(lines).size).toBe(one.length + two.length);
      expect(lines).toHaveLength(one.length + two.length);
      const left = place.repo.git("ls-tree", "-r", "--name-only", first, "inbox").split("\n").filter(Boolean);
      const done = new Set([...one, ...two].map(({ number }) => `inbox/${number}.md`));
      expect(left).toEqual(Object.keys(start).filter((path) => !done.has(path)));
      expect(place.repo.git("diff", "--name-only", first, second, "--", "inbox", "sessions/s/*.md")).toBe("");
    }),
    { numRuns: 4, endOnFailure: true },
  );
});
