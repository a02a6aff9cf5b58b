import { execFile } from "node:child_process";
import { chmodSync, cpSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { asObject } from "../../../src/base/json-shape.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, workspaceIn, workspaceTemplate } from "../../support/workspace.ts";
import { readResults, type WorkspaceResults } from "../../support/workspace-results.ts";

interface Site {
  /** Its coordinator is served by tests. */
  readonly a: TestWorkspace;
  /** Of a user on another machine. */
  readonly b: GitRepo;
  readonly bare: GitRepo;
}

/** A bare remote, a clone with a workspace, and one of a user who has nothing but git. */
async function site(sync: Readonly<Record<string, unknown>> = { intervalMs: 1_000 }): Promise<Site> {
  const base = tempDir();
  const bare = gitRepoAt(join(base, "remote.git"));
  cpSync(await workspaceTemplate(), join(base, "a"), { recursive: true });
  const a = workspaceIn(join(base, "a"));
  a.commitSettings({ sync: { remote: "origin", ...sync } });
  a.repo.git("clone", "--quiet", "--bare", a.dir, bare.dir);
  a.repo.git("remote", "add", "origin", bare.dir);
  const settings = ["user.name=User", "user.email=user@example.org", "gc.auto=0", "pull.rebase=false"];
  a.repo.git("clone", "--quiet", ...settings.flatMap((one) => ["-c", one]), bare.dir, join(base, "b"));
  return { a, b: gitRepoAt(join(base, "b")), bare };
}

/** Commits and pushes drops, as often as it takes. */
function push({ b }: Site, names: readonly string[]): void {
  for (const name of names) b.write(`inbox/${name}.md`, `${name} [[final: did ${name}]]\n`);
  b.git("add", "--all");
  b.git("commit", "--quiet", "-m", `ask for ${names.join(" ")}`);
  while (b.tryGit("push", "--quiet").status !== 0) b.git("pull", "--quiet", "--no-edit");
}

/** What was done, by the branch. */
function answersIn(results: WorkspaceResults): readonly string[] {
  const done = results.tasks().filter(({ status }) => status === "succeeded");
  return done.map(({ result }) => /did (\w+)/.exec(result?.lastMessage ?? "")?.[1] ?? "").sort();
}

/** Returns what tells the answers in `b`, which pulls where the remote has moved since it was asked last. */
function pulling({ b, bare }: Site): () => readonly string[] {
  const results = readResults(b, "main");
  let tip: string | undefined;
  return () => {
    const now = bare.read("refs/heads/main");
    if (now !== tip) b.git("pull", "--quiet", "--no-edit");
    tip = now;
    return answersIn(results);
  };
}

/** Commits of the user's own in the coordinator's checkout, until `stop`; each command is counted where it fails. */
function userOf(repo: GitRepo): {
  stop(): Promise<{ readonly commits: number; readonly failures: readonly string[] }>;
} {
  let stopped = false;
  const failures: string[] = [];
  let commits = 0;
  const run = promisify(execFile);
  const work = (async () => {
    while (!stopped) {
      repo.write("src/mine.c", `int mine = ${commits};\n`);
      for (const args of [
        ["add", "src/mine.c"],
        ["commit", "--quiet", "-m", `mine ${commits}`],
      ])
        await run("git", args, { cwd: repo.dir }).catch((error: { readonly stderr: string }) =>
          failures.push(error.stderr),
        );
      commits += 1;
      await delay(300);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await work;
      return { commits, failures };
    },
  };
}

const names = (from: number, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `t${from + n}`);

describe("sync with a remote", () => {
  it("takes what others push, and sends results back, while the user commits and the coordinator is killed", {
    timeout: 120_000,
  }, async () => {
    const place = await site();
    const { a, b, bare } = place;
    const user = userOf(a.repo);
    let serving = a.serve();
    await serving.url();
    const all = names(0, 12);
    push(place, all.slice(0, 6));
    await waitFor(() => answersIn(a.results).length >= 3, { what: "the first results", timeoutMs: 60_000 });
    await serving.kill();
    push(place, all.slice(6));
    // For half of the rest of the time nobody reaches the remote.
    renameSync(bare.dir, `${bare.dir}.away`);
    serving = a.serve();
    await serving.url();
    await serving.saw("sync-waits");
    renameSync(`${bare.dir}.away`, bare.dir);
    await waitFor(() => answersIn(a.results).length === all.length, { what: "all results", timeoutMs: 60_000 });
    const { commits, failures } = await user.stop();
    expect(commits).toBeGreaterThan(5);
    expect(failures).toEqual([]);
    const pulled = pulling(place);
    await waitFor(() => pulled().length === all.length, { what: "all results in b", timeoutMs: 30_000 });
    expect(pulled()).toEqual([...all].sort());
    expect(
      a
        .stubRuns()
        .map(({ prompt }) => /t\d+/.exec(prompt)?.[0])
        .sort(),
    ).toEqual([...all].sort());
    serving.signal("SIGTERM");
    await serving.ended;
    b.git("pull", "--quiet", "--no-edit");
    expect(b.git("rev-parse", "HEAD^{tree}")).toBe(a.repo.git("rev-parse", "HEAD^{tree}"));
    expect([a.repo.git("status", "--porcelain"), a.repo.git("fsck", "--no-dangling")]).toEqual(["", ""]);
    expect(b.git("ls-tree", "-r", "--name-only", "HEAD", "inbox").split("\n")).toEqual([
      "inbox/.gitignore",
      "inbox/README.md",
    ]);
  });

  it("takes a push within moments where the bare repository has the hook that it prints, however long the interval", {
    timeout: 60_000,
  }, async () => {
    const intervalMs = 600_000;
    const place = await site({ intervalMs });
    const { a, bare } = place;
    const { stdout } = await a.command("sync", "--print-hook");
    const hook = join(bare.dir, "hooks/post-receive");
    writeFileSync(hook, stdout);
    chmodSync(hook, 0o755);
    const serving = a.serve();
    await serving.url();
    const lastSync = async (): Promise<unknown> => {
      const health = asObject(await (await serving.ask("/health")).json());
      return asObject(health?.sync)?.lastSync ?? null;
    };
    // The round of the start is over: the next one comes in ten minutes.
    await waitFor(async () => (await lastSync()) !== null, { what: "the first round" });
    const pushedMs = Date.now();
    push(place, ["t1"]);
    const taken = await serving.saw("accepted");
    expect(Date.parse(taken.text.split(" ", 1)[0] ?? "") - pushedMs).toBeLessThan(intervalMs / 30);
    const pulled = pulling(place);
    await waitFor(() => pulled().length === 1, { what: "the result in b", timeoutMs: 40_000 });
    serving.signal("SIGTERM");
    await serving.ended;
  });
});
