import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { realCodex } from "../support/real-codex.ts";
import { tempDir } from "../support/temp-dir.ts";
import { tempWorkspace, workspaceIn } from "../support/workspace.ts";

const ROOT = join(import.meta.dirname, "../..");
/** What a checkout of ours is made of, as far as this test runs it. */
const CLOSED = ["bin", "src", "demo", "node_modules", "package.json", ".npmrc"];

/** Copies as `cp -a` does: Node's own takes many times as long for thousands of small files. */
function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  execFileSync("cp", ["-a", from, to]);
}

/** Copies the packages `names` and all that they need, as an installation without development tools has them. */
function copyDependencies(names: Iterable<string>, to: string, seen = new Set<string>()): void {
  for (const name of names) {
    const from = join(ROOT, "node_modules", name);
    if (seen.has(name) || !existsSync(from)) continue;
    seen.add(name);
    copy(from, join(to, name));
    const { dependencies = {} } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
    copyDependencies(Object.keys(dependencies), to, seen);
  }
}

/**
 * A checkout of this program that is a repository of its own, like a clone after `npm ci`; with one file of one package alone, where
 * nothing of it is run.
 */
function checkout(parent: string, { isRun = true } = {}): string {
  const dir = join(realpathSync(tempDir(parent)), "checkout");
  for (const name of CLOSED.filter((one) => one !== "node_modules")) copy(join(ROOT, name), join(dir, name));
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  if (isRun) copyDependencies(Object.keys(dependencies), join(dir, "node_modules"));
  else copy(join(ROOT, "node_modules/hono/package.json"), join(dir, "node_modules/hono/package.json"));
  mkdirSync(join(dir, "lib"));
  writeFileSync(join(dir, "lib/a.txt"), "a\n");
  writeFileSync(join(dir, ".gitignore"), "node_modules/\n");
  const git = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-C", dir];
  execFileSync("git", [...git, "init", "--quiet", "--initial-branch=main"]);
  execFileSync("git", [...git, "add", "."]);
  execFileSync("git", [...git, "commit", "--quiet", "-m", "A checkout"]);
  return dir;
}

/** Every file of what is closed, with the time of its last change. */
function contents(dir: string): string {
  const lines = CLOSED.flatMap((name) => {
    const path = join(dir, name);
    const files = statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true, encoding: "utf8" }).map((one) => join(path, one))
      : [path];
    // Node keeps there what it has compiled.
    const kept = files.filter((file) => !file.includes("/node_modules/.cache"));
    return kept.map((file) => `${relative(dir, file)} ${statSync(file).mtimeMs} ${statSync(file).size}`);
  });
  return lines.sort().join("\n");
}

/** What an agent may try to have its own code run by the next start; codex itself refuses `rm -f` and its like. */
const ATTACK = [
  "echo x >> src/cli.ts; unlink bin/codex-inbox.js; find node_modules/hono -delete; git -C . config core.fsmonitor ./lib/evil",
  ...CLOSED.map(
    (name) => `if [ -d ${name} ]; then echo x > ${name}/planted; else echo x >> ${name}; fi; mv ${name} ${name}.old`,
  ),
  "echo x > lib/b.txt; echo x > new.txt; mkdir made; sleep 0.3",
].join("; ");

describe("this program, served from a checkout that is its own workspace", () => {
  // In /tmp, which agents may write to as well, and outside of it.
  it.each(["/var/tmp", "/tmp"])(
    "cannot be changed by agents, who write everything else, in %s",
    { timeout: 120_000 },
    async (parent) => {
      const dir = checkout(parent);
      const codex = await realCodex();
      const workspace = workspaceIn(dir, { codex });
      const entry = join(dir, "bin/codex-inbox.js");
      const environment = { ...process.env, CODEX_HOME: codex.home, CODEX_INBOX_CODEX: codex.codexPath };
      const own = (...args: readonly string[]): Promise<unknown> =>
        promisify(execFile)(process.execPath, [entry, ...args], { cwd: dir, env: environment, timeout: 60_000 });
      // By the bundle: from its sources, only the coordinator that is attacked.
      expect((await workspace.command("init")).code).toBe(0);
      const before = contents(dir);
      const config = readFileSync(join(dir, ".git/config"), "utf8");
      workspace.drop(
        "a.md",
        `Attack. [[shell: ${ATTACK}]] [[write src/patched.ts: x]] [[write lib/c.txt: x]] [[final: tried]]\n`,
      );
      workspace.drop("b.md", `---\nworkdir: src\n---\nFrom within. [[shell: echo x > planted]]\n`);
      await expect(own("serve", "--until-idle", "--settle-ms", "30")).rejects.toMatchObject({ code: 1 }); // The second task fails.
      expect(workspace.results.task("Attack.").result?.lastMessage).toBe("tried");
      expect(contents(dir)).toBe(before);
      expect(readFileSync(join(dir, ".git/config"), "utf8")).toBe(config);
      for (const name of ["lib/b.txt", "lib/c.txt", "new.txt", "made"]) expect(existsSync(join(dir, name))).toBe(true);
      expect(workspace.results.task("From within.").frontMatter).toMatchObject({
        status: "failed",
        reason: expect.stringMatching(/^workdir: .*src lies in .*agents must not write to/),
      });
    },
  );

  it("can be changed by an agent that codex alone keeps: what the profile is for", { timeout: 60_000 }, async () => {
    const dir = checkout("/var/tmp", { isRun: false });
    expect(existsSync(join(dir, "node_modules/hono"))).toBe(true);
    const codex = await realCodex();
    await codex.exec(`[[shell: ${ATTACK}]]`, { workingDir: dir });
    expect(existsSync(join(dir, "bin.old/planted"))).toBe(true);
    expect(existsSync(join(dir, "node_modules.old/hono"))).toBe(false);
    expect(existsSync(join(dir, "new.txt"))).toBe(true);
  });
});

describe("a home inside the checkout that agents work in", () => {
  it("is not made", async () => {
    const workspace = await tempWorkspace();
    const made = await workspace.command("init", "--branch", "queue", "--dir", "inside/queue");
    expect(made).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/inside\/queue lies in .*name a folder outside/),
    });
    expect(workspace.repo.git("branch", "--list", "queue")).toBe("");
    expect(existsSync(join(workspace.dir, "inside"))).toBe(false);
  });

  it("is closed to them where it was made before: git's own folder of a linked worktree cannot be replaced", {
    timeout: 60_000,
  }, async () => {
    const codex = await realCodex();
    const workspace = await tempWorkspace({ codex });
    workspace.repo.git("worktree", "add", "--quiet", "trees/other");
    const attack =
      "unlink trees/other/.git; echo 'gitdir: /tmp/evil' > trees/other/.git; mv trees gone; touch tried; sleep 0.3";
    workspace.drop("a.md", `Attack. [[shell: ${attack}]] [[final: ok]]\n`);
    await workspace.serveUntilIdle();
    expect(existsSync(join(workspace.dir, "tried"))).toBe(true);
    expect(readFileSync(join(workspace.dir, "trees/other/.git"), "utf8")).toContain("/.git/worktrees/other");
  });
});

describe("a linked worktree that is served", () => {
  it("leads to its repository still, and agents write nothing there", { timeout: 60_000 }, async () => {
    const codex = await realCodex();
    const main = await tempWorkspace(); // In /tmp, which agents may write to as well.
    const dir = join(realpathSync(tempDir("/var/tmp")), "linked");
    main.repo.git("worktree", "add", "--quiet", "-b", "side", dir);
    const gitDir = join(main.dir, ".git");
    const stateDir = join(gitDir, "codex-inbox/homes/linked");
    const workspace = workspaceIn(dir, { codex, stateDir, branch: "side" });
    const before = ["config", "HEAD", "worktrees/linked/HEAD"].map((name) => readFileSync(join(gitDir, name), "utf8"));
    const attack = [
      "echo 'gitdir: /tmp/evil' > .git; unlink .git; mv .git gone",
      `echo x > ${gitDir}/hooks/post-checkout; echo x >> ${gitDir}/config; echo x > ${gitDir}/worktrees/linked/HEAD`,
      `mv ${gitDir} ${gitDir}.old; mv ${gitDir}/worktrees ${gitDir}/gone; touch tried; sleep 0.3`,
    ].join("; ");
    workspace.drop("a.md", `Attack. [[shell: ${attack}]] [[write .git: x]] [[final: ok]]\n`);
    await workspace.serveUntilIdle();
    expect(existsSync(join(dir, "tried"))).toBe(true);
    expect(readFileSync(join(dir, ".git"), "utf8").trim()).toBe(`gitdir: ${realpathSync(gitDir)}/worktrees/linked`);
    const after = ["config", "HEAD", "worktrees/linked/HEAD"].map((name) => readFileSync(join(gitDir, name), "utf8"));
    expect(after).toEqual(before);
    expect(existsSync(join(gitDir, "hooks/post-checkout"))).toBe(false);
    expect(main.repo.git("log", "-1", "--format=%s", "side")).toContain("Attack.");
  });
});

describe("a start where agents could write to what is run", () => {
  it("ends with 78 and says what to move; a policy that would allow it is not in force while serving", async () => {
    const workspace = await tempWorkspace();
    const { command } = workspace;
    expect((await command("policy", "allow", "workdirs", workspace.home)).code).toBe(0);
    const refused = workspace.serve();
    expect((await refused.ended).code).toBe(78);
    expect(refused.log()).toMatch(/agents would work in .*, which lies in codex's own folder .*move/);

    expect((await command("policy", "deny", "workdirs", workspace.home)).code).toBe(0);
    const coordinator = workspace.serve();
    await coordinator.saw("serving");
    await command("policy", "allow", "workdirs", workspace.home);
    expect((await coordinator.saw("settings-kept")).field("reason")).toMatch(/lies in codex's own folder/);
    const health = await (await coordinator.ask("/health")).json();
    expect(health).toMatchObject({ configProblem: expect.stringMatching(/lies in codex's own folder/) });
    expect(workspace.stateFiles(".").length).toBeGreaterThan(0);
    expect((statSync(workspace.stateDir).mode & 0o777).toString(8)).toBe("700");
  });
});
