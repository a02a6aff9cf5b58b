import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { runGit } from "../../../src/git/process/git-process.ts";
import { createConfiguredPrograms } from "../../../src/git/repository/configured-programs.ts";
import { findWorkTree } from "../../../src/git/repository/find-work-tree.ts";
import { createAuthorshipReader } from "../../../src/git/repository/history.ts";
import type { KnownRepository } from "../../../src/git/repository/known-repositories.ts";
import { createSnapshots } from "../../../src/git/snapshots/snapshot.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { snapshotScene } from "../../support/snapshot-scene.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const placeOf = (repo: GitRepo): Promise<KnownRepository> => findWorkTree(repo.dir);

/** Returns what lists the files that a snapshot finds changed, those that it leaves out included. */
async function open(repo: GitRepo): Promise<() => Promise<readonly string[]>> {
  const snapshots = createSnapshots({ programs: createConfiguredPrograms(), secretsIn: async () => [] });
  const request = snapshotScene(repo).request();
  return async () => {
    const taken = await snapshots.take(request);
    const files = taken.kind === "taken" ? taken.files : [];
    return [...files, ...taken.leftOut].map(({ path }) => path).sort();
  };
}

/** Commits `*.txt filter=<name>` and a text, and touches the text without changing it. */
function filtered(repo: GitRepo, name: string): void {
  repo.write(".gitattributes", `*.txt filter=${name}\n`);
  repo.write("a.txt", "text\n");
  repo.git("add", "--all");
  repo.git("commit", "--quiet", "-m", "a filter");
  utimesSync(join(repo.dir, "a.txt"), 1, 1);
}

/** Puts a program before all others; returns its environment where it was started since the last call. */
function programOnPath(name: string): () => string | undefined {
  const dir = tempDir();
  const said = join(dir, "said");
  writeFileSync(join(dir, name), `#!/bin/sh\nenv > ${said}\nexec cat\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${dir}:${process.env.PATH ?? ""}`);
  vi.stubEnv("SECRET_OF_OURS", "secret");
  onTestFinished(() => void vi.unstubAllEnvs());
  return () => {
    const text = existsSync(said) ? readFileSync(said, "utf8") : undefined;
    rmSync(said, { force: true });
    return text;
  };
}

describe("a filter of the user's", () => {
  it("does not run for a listing: its script may be an agent's work; what has one counts as changed when it was touched", async () => {
    const repo = tempRepo();
    const marked = join(tempDir(), "marked");
    repo.write("tools/strip.sh", "tr a-z A-Z\n");
    repo.git("config", "filter.st=rip.clean", "sh tools/strip.sh");
    repo.git("config", "filter.st=rip.required", "true");
    filtered(repo, "st=rip");
    repo.write("tools/strip.sh", `touch ${marked}; tr a-z A-Z\n`);
    expect(await (await open(repo))()).toEqual(["a.txt", "tools/strip.sh"]);
    expect(existsSync(marked)).toBe(false);
    // Without that, it runs: the control.
    await runGit(await placeOf(repo), ["ls-files", "--modified"]);
    expect(existsSync(marked)).toBe(true);
  });

  it("does not run either when it was configured after the first listing", async () => {
    const repo = tempRepo();
    const marked = join(tempDir(), "marked");
    const listed = await open(repo);
    filtered(repo, "late");
    await listed();
    repo.git("config", "filter.late.clean", `touch ${marked}; cat`);
    utimesSync(join(repo.dir, "a.txt"), 2, 2);
    const laterMs = performance.now() + 1_000; // The configuration is not looked at again within a moment.
    vi.spyOn(performance, "now").mockReturnValue(laterMs);
    onTestFinished(() => void vi.restoreAllMocks());
    await listed();
    expect(existsSync(marked)).toBe(false);
  });

  it("runs where it is git-lfs as it configures itself, and is told nothing of our environment", async () => {
    const said = programOnPath("git-lfs");
    const repo = tempRepo();
    filtered(repo, "lfs");
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f");
    repo.git("config", "filter.lfs.smudge", "git-lfs smudge -- %f");
    repo.git("config", "filter.lfs.required", "true");
    const listed = await open(repo);
    expect(await listed()).toEqual([]);
    const environment = said();
    expect(environment).toMatch(/^PATH=/m);
    expect(environment).not.toContain("secret");
    // Another command under the same name is another program.
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f; true");
    utimesSync(join(repo.dir, "a.txt"), 3, 3);
    await listed();
    expect(said()).toBeUndefined();
  });

  it("does not run for codex, git-lfs neither", async () => {
    const repo = tempRepo();
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f");
    const programs = createConfiguredPrograms();
    expect(programs.forOthers(await placeOf(repo))).toBeUndefined();
    await programs.forListing(await placeOf(repo));
    const off = Object.values(programs.forOthers(await placeOf(repo)) ?? {});
    expect(off).toEqual(
      expect.arrayContaining(["core.fsmonitor", "core.hooksPath", "filter.lfs.clean", "filter.lfs.process"]),
    );
  });
});

describe("a configuration that includes another", () => {
  it.each<{ name: string; key: string; path: (repo: GitRepo) => string }>([
    { name: "one that is not there yet", key: "include.path", path: () => "../shared.config" },
    { name: "under a condition", key: "includeIf.onbranch:main.path", path: (repo) => join(repo.dir, "shared.config") },
    {
      name: "by a link in it that leads elsewhere",
      key: "include.path",
      path: (repo) => {
        symlinkSync(join(tempDir(), "shared.config"), join(repo.dir, "shared.config"));
        return join(repo.dir, "shared.config");
      },
    },
    {
      name: "by a link elsewhere, and one in it, that lead elsewhere",
      key: "include.path",
      path: (repo) => {
        const dir = tempDir();
        symlinkSync(dir, join(repo.dir, "shared"));
        symlinkSync(join(repo.dir, "shared/shared.config"), join(dir, "link"));
        return join(dir, "link");
      },
    },
  ])("is refused where that lies in the working tree: $name", async ({ key, path }) => {
    const repo = tempRepo();
    repo.git("config", key, path(repo));
    await expect(createConfiguredPrograms().forListing(await placeOf(repo))).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringMatching(/configuration from .*\/shared\.config, which lies in the working tree/),
    });
  });

  it.each<{ name: string; put: (repo: GitRepo, home: string) => string }>([
    {
      name: "leads there",
      put(repo, home) {
        symlinkSync(join(repo.dir, "dotfiles.config"), join(home, ".gitconfig"));
        return home;
      },
    },
    { name: "lies there", put: (repo) => repo.dir },
  ])("is refused, too, where the user's own $name, as in a repository of settings", async ({ put }) => {
    const repo = tempRepo();
    const home = put(repo, tempDir());
    vi.stubEnv("HOME", home);
    vi.stubEnv("XDG_CONFIG_HOME", "");
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(createConfiguredPrograms().forListing(await placeOf(repo))).rejects.toMatchObject({
      ...{ code: "CONFIG", message: expect.stringMatching(/config, which lies in the working tree: agents/) },
    });
  });

  it("is read where it lies elsewhere, and its filters are switched off", async () => {
    const repo = tempRepo();
    const marked = join(tempDir(), "marked");
    const shared = join(tempDir(), "shared.config");
    writeFileSync(shared, `[filter "more"]\n\tclean = "touch ${marked}; cat"\n`);
    repo.git("config", "include.path", shared);
    filtered(repo, "none");
    repo.write(".gitattributes", "*.txt filter=more\n");
    expect(await (await open(repo))()).toEqual([".gitattributes"]);
    expect(existsSync(marked)).toBe(false);
  });
});

describe("a program that checks signatures", () => {
  it("is refused where it lies in the working tree: git runs it for whom a commit is by", async () => {
    const repo = tempRepo();
    const marked = join(tempDir(), "marked");
    const script = (body: string): string => `#!/bin/sh\ncat > /dev/null\n${body}\n`;
    repo.write("tools/gpg.sh", script("echo '[GNUPG:] SIG_CREATED ' >&2; echo '-----BEGIN PGP SIGNATURE-----'"));
    chmodSync(join(repo.dir, "tools/gpg.sh"), 0o755);
    repo.git("add", "--all");
    repo.git("-c", `gpg.program=${repo.dir}/tools/gpg.sh`, "commit", "--quiet", "-S", "-m", "signed");
    repo.write("tools/gpg.sh", script(`touch ${marked}`));
    repo.git("config", "gpg.program", "tools/gpg.sh");
    const place = await placeOf(repo);
    await expect(createConfiguredPrograms().forListing(place)).rejects.toMatchObject({
      ...{ code: "CONFIG", message: expect.stringMatching(/signatures by .*\/tools\/gpg\.sh \(gpg\.program\)/) },
    });
    await createAuthorshipReader(place, () => undefined)(repo.git("rev-parse", "HEAD")); // The control: it runs.
    expect(existsSync(marked)).toBe(true);
    for (const elsewhere of ["gpg2", "/usr/bin/gpg"]) {
      repo.git("config", "gpg.program", elsewhere);
      expect(await createConfiguredPrograms().forListing(place)).toEqual({});
    }
  });
});
