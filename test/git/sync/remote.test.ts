import { chmodSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRemote, type Remote } from "../../../src/git/sync/remote.ts";
import { RemoteError } from "../../../src/git/sync/remote-error.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { onTestFinished } from "../../support/test-end.ts";

const NEVER = new AbortController().signal;
const CLAIM = "refs/codex-inbox/claims/one";

interface Site {
  readonly repo: GitRepo;
  readonly bare: GitRepo;
  readonly remote: Remote;
  head(): string;
}

/** A repository whose remote "origin" is a bare one beside it, with a remote-tracking branch and a tag as `git clone` leaves them. */
function site(times: { readonly fetchMs?: number; readonly pushMs?: number } = {}): Site {
  const repo = tempRepo();
  const bare = gitRepoAt(join(tempDir(), "bare"));
  repo.git("init", "--quiet", "--bare", "-b", "main", bare.dir);
  repo.git("remote", "add", "origin", bare.dir);
  repo.git("push", "--quiet", "origin", "main");
  const gitDir = join(repo.dir, ".git");
  const remote = createRemote(
    { topDir: repo.dir, gitDir, commonDir: gitDir },
    { name: "origin", branch: "main", ...times },
  );
  return { repo, bare, remote, head: () => repo.git("rev-parse", "HEAD") };
}

/** Commits to the bare repository as another clone would. */
function commitElsewhere({ bare, repo }: Site, name: string): string {
  const blob = bare.git("--git-dir=.", "hash-object", "-w", join(repo.dir, "README.md"));
  const parent = bare.git("rev-parse", "main");
  writeFileSync(join(bare.dir, "temporary"), `100644 blob ${blob}\t${name}\n`);
  bare.git("read-tree", parent);
  bare.git("update-index", "--add", "--cacheinfo", `100644,${blob},${name}`);
  const made = [
    "-c",
    "user.name=Else",
    "-c",
    "user.email=e@x.org",
    "commit-tree",
    bare.git("write-tree"),
    "-p",
    parent,
    "-m",
    name,
  ];
  const commit = bare.git(...made);
  bare.git("update-ref", "refs/heads/main", commit);
  return commit;
}

function faultOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error: unknown) => (error instanceof RemoteError ? error.fault : String(error)),
  );
}

describe("a fetch", () => {
  it("brings branch and claims into refs of ours, and nothing of the user's moves", async () => {
    const place = site();
    const { repo, bare, remote } = place;
    repo.git("config", "remote.origin.tagOpt", "--tags");
    repo.git("config", "remote.origin.prune", "true");
    repo.git("config", "fetch.pruneTags", "true");
    repo.git("fetch", "--quiet", "origin");
    repo.git("tag", "mine");
    bare.git("tag", "theirs");
    const tip = commitElsewhere(place, "new.txt");
    const blob = repo.git("hash-object", "-w", "README.md");
    repo.git("push", "--quiet", "origin", `${blob}:${CLAIM}`);
    const before = [repo.tryGit("show-ref").stdout, repo.read(".git/FETCH_HEAD"), repo.read(".git/index")];
    expect(await remote.fetch(NEVER)).toEqual({ tip, claims: new Map([["one", blob]]) });
    const shown = repo
      .tryGit("show-ref")
      .stdout.split("\n")
      .filter((line) => !line.includes("refs/codex-inbox/remotes/"));
    expect([shown.join("\n"), repo.read(".git/FETCH_HEAD"), repo.read(".git/index")]).toEqual(before);
    bare.git("update-ref", "-d", CLAIM);
    expect((await remote.fetch(NEVER)).claims).toEqual(new Map());
    expect(repo.git("for-each-ref", "--format=%(refname)", "refs/codex-inbox")).toBe(
      "refs/codex-inbox/remotes/origin/heads/main",
    );
  });

  it("finds a branch that was rewritten, one that is not there yet, and one that is gone", async () => {
    const { repo, bare, remote, head } = site();
    await remote.fetch(NEVER);
    repo.git("commit", "--quiet", "--amend", "-m", "rewritten");
    repo.git("push", "--quiet", "--force", "origin", "main");
    expect((await remote.fetch(NEVER)).tip).toBe(head());
    bare.git("update-ref", "-d", "refs/heads/main");
    expect(await remote.fetch(NEVER)).toEqual({ tip: undefined, claims: new Map() });
    expect(repo.git("for-each-ref", "refs/codex-inbox")).toBe("");
  });

  it("runs no hook of the user's, and takes an old lock away that a loss of power left", async () => {
    const place = site();
    const { repo, remote } = place;
    repo.git("config", "--unset", "core.hooksPath");
    const seen = join(repo.dir, "hooked");
    for (const hook of ["reference-transaction", "pre-push", "post-merge"]) {
      mkdirSync(join(repo.dir, ".git/hooks"), { recursive: true });
      writeFileSync(join(repo.dir, ".git/hooks", hook), `#!/bin/sh\necho ${hook} >>'${seen}'\n`);
      chmodSync(join(repo.dir, ".git/hooks", hook), 0o755);
    }
    const lock = join(repo.dir, ".git/refs/codex-inbox/remotes/origin/heads/main.lock");
    mkdirSync(join(lock, ".."), { recursive: true });
    writeFileSync(lock, "");
    expect(await faultOf(remote.fetch(NEVER))).toBe("unknown");
    utimesSync(lock, 1_000, 1_000);
    await remote.fetch(NEVER);
    const commit = repo.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "more");
    expect(await remote.push([{ ref: "refs/heads/main", to: commit }], NEVER)).toEqual(
      new Map([["refs/heads/main", { kind: "accepted" }]]),
    );
    expect(repo.read("hooked")).toBeUndefined();
  });
});

describe("a push", () => {
  it("tells of each ref what became of it, and moves refs/remotes of the user's nowhere", async () => {
    const place = site();
    const { repo, bare, remote, head } = place;
    repo.git("fetch", "--quiet", "origin");
    const before = repo.git("rev-parse", "refs/remotes/origin/main");
    const [one, two] = [await remote.writeText("one"), await remote.writeText("two")];
    repo.git("push", "--quiet", "origin", `${two}:refs/codex-inbox/claims/taken`);
    repo.git("commit", "--quiet", "--allow-empty", "-m", "local");
    const claim = (name: string) => `refs/codex-inbox/claims/${name}`;
    const outcomes = await remote.push(
      [
        { ref: "refs/heads/main", to: head() },
        { ref: claim("free"), to: one, lease: { from: undefined } },
        { ref: claim("taken"), to: one, lease: { from: undefined } },
        { ref: claim("gone"), to: undefined, lease: { from: one } },
      ],
      NEVER,
    );
    expect(Object.fromEntries(outcomes)).toEqual({
      "refs/heads/main": { kind: "accepted" },
      [claim("free")]: { kind: "accepted" },
      [claim("taken")]: { kind: "stale" },
      [claim("gone")]: { kind: "stale" },
    });
    expect(bare.git("rev-parse", "main")).toBe(head());
    expect(repo.git("rev-parse", "refs/remotes/origin/main")).toBe(before);
    expect(repo.git("rev-parse", "refs/codex-inbox/remotes/origin/heads/main")).toBe(head());
    const over = await remote.push(
      [
        { ref: claim("taken"), to: one, lease: { from: two } },
        { ref: claim("free"), to: undefined, lease: { from: one } },
      ],
      NEVER,
    );
    expect([...over.values()]).toEqual([{ kind: "accepted" }, { kind: "accepted" }]);
    expect(bare.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/codex-inbox")).toBe(
      `${claim("taken")} ${one}`,
    );
    expect(await remote.readTexts([one, two, head(), "0".repeat(40)], 100)).toEqual(
      new Map([
        [one, "one"],
        [two, "two"],
      ]),
    );
    expect(await remote.readTexts([one], 2)).toEqual(new Map());
  });

  it("never forces a branch, and says what a remote refuses", async () => {
    const place = site();
    const { bare, remote, head } = place;
    const theirs = commitElsewhere(place, "new.txt");
    expect(await remote.push([{ ref: "refs/heads/main", to: head() }], NEVER)).toEqual(
      new Map([["refs/heads/main", { kind: "stale" }]]),
    );
    expect(bare.git("rev-parse", "main")).toBe(theirs);
    mkdirSync(join(bare.dir, "hooks"), { recursive: true });
    writeFileSync(join(bare.dir, "hooks/update"), "#!/bin/sh\nexit 1\n");
    chmodSync(join(bare.dir, "hooks/update"), 0o755);
    await remote.fetch(NEVER);
    const blob = await remote.writeText("text");
    expect(await remote.push([{ ref: CLAIM, to: blob, lease: { from: undefined } }], NEVER)).toEqual(
      new Map([[CLAIM, { kind: "refused", reason: "(hook declined)" }]]),
    );
  });

  it("goes to the remote even where its settings say mirror, other refs, or signatures", async () => {
    const { repo, bare, remote, head } = site();
    repo.git("config", "remote.origin.mirror", "true");
    repo.git("config", "remote.origin.push", "+refs/heads/*:refs/heads/*");
    repo.git("config", "push.followTags", "true");
    repo.git("tag", "-a", "-m", "a tag", "v1");
    repo.git("branch", "private");
    repo.git("commit", "--quiet", "--allow-empty", "-m", "local");
    await remote.push([{ ref: "refs/heads/main", to: head() }], NEVER);
    expect(bare.git("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
  });
});

describe("a remote that cannot be used", () => {
  it("that has no room says so, for what is brought and what is sent", async () => {
    const { repo, remote, head } = site();
    const full = "sh -c 'echo \"fatal: write error: No space left on device\" >&2; exit 128' --";
    for (const key of ["uploadpack", "receivepack"]) repo.git("config", `remote.origin.${key}`, full);
    expect(await faultOf(remote.fetch(NEVER))).toBe("full");
    expect(await faultOf(remote.push([{ ref: "refs/heads/main", to: head() }], NEVER))).toBe("full");
  });

  it("is not there, unknown to git, no git, or asks for a login: each is told apart", async () => {
    const { repo, remote } = site();
    const url = (value: string): string => repo.git("remote", "set-url", "origin", value);
    url(join(repo.dir, "nowhere"));
    expect(await faultOf(remote.fetch(NEVER))).toBe("away");
    url("http://127.0.0.1:1/x.git");
    expect(await faultOf(remote.fetch(NEVER))).toBe("away");
    url("ext::sh -c 'touch %S/hacked'");
    expect(await faultOf(remote.fetch(NEVER))).toBe("unknown");
    repo.git("config", "core.sshCommand", "sh -c 'echo \"git@x: Permission denied (publickey).\" >&2; exit 255' --");
    url("ssh://127.0.0.1/x.git");
    const error = await remote.fetch(NEVER).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      fault: "refused-login",
      message: expect.stringContaining('try "git fetch origin" once by hand'),
    });
    repo.git("remote", "remove", "origin");
    expect(await faultOf(remote.fetch(NEVER))).toBe("not-configured");
  });

  it("is not asked by a program that lies in the working tree", async () => {
    const { repo, remote } = site();
    repo.write("ssh.sh", "#!/bin/sh\n");
    repo.git("config", "core.sshCommand", "./ssh.sh");
    await expect(remote.fetch(NEVER)).rejects.toThrow(/ssh\.sh \(core\.sshcommand\), which lies in the working tree/);
  });

  it("that never answers is left after its time, and when it is aborted", async () => {
    const { repo, remote } = site({ fetchMs: 300 });
    const silent = createServer((socket) => void socket.on("error", () => undefined));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void silent.close());
    const address = silent.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    repo.git("remote", "set-url", "origin", `http://127.0.0.1:${address.port}/x.git`);
    expect(await faultOf(remote.fetch(NEVER))).toBe("slow");
    const aborting = new AbortController();
    const fetched = remote.fetch(aborting.signal);
    aborting.abort();
    await expect(fetched).rejects.toThrow(/abort/i);
  });
});
