import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gitRepoAt, makeGitRepo } from "../support/git-repo.ts";
import { plantingCommands, plantRepository } from "../support/planted-repository.ts";
import { realCodex } from "../support/real-codex.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace, workspaceIn } from "../support/workspace.ts";

/** Puts a program named git before the real one, which is called git-real then and runs after `lines`. */
function gitWithScript(lines: readonly string[]): string {
  const dir = tempDir();
  const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
  writeFileSync(join(dir, "git-real"), `#!/bin/sh\nexec ${real} "$@"\n`, { mode: 0o755 });
  writeFileSync(join(dir, "git"), ["#!/bin/sh", ...lines, 'exec git-real "$@"', ""].join("\n"), { mode: 0o755 });
  return `${dir}:${process.env.PATH ?? ""}`;
}

function reasonOf(workspace: TestWorkspace, prompt: string): string | undefined {
  return workspace.results.task(prompt).result?.reason;
}

it.each(["git-folder", "gitfile", "bare"] as const)(
  "a planted repository (%s) bites whoever asks git in it",
  (layout) => {
    const base = tempDir();
    const planted = plantRepository(join(base, "docs"), { marks: join(base, "m"), layout });
    const repo = gitRepoAt(join(base, "docs"));
    for (const command of [["diff"], ["add", "--all"]]) repo.tryGit(...command);
    expect(planted.ran()).toEqual(
      expect.arrayContaining(["core.fsmonitor", "core.hooksPath", "diff.command", "filter.clean", "include.path"]),
    );
  },
);

describe("a repository that came by a push", () => {
  it.each([{ codex: "the stub" }, { codex: "the real codex" }])(
    "is not worked in, and nothing that it names runs, with $codex",
    { timeout: 60_000 },
    async ({ codex }) => {
      const workspace = await tempWorkspace(codex === "the stub" ? {} : { codex: await realCodex() });
      const { repo } = workspace;
      const planted = plantRepository(join(workspace.dir, "docs"), {
        marks: join(workspace.home, "m"),
        layout: "bare",
      });
      repo.git("add", "--all", "docs");
      repo.git("commit", "--quiet", "-m", "docs");
      workspace.commitDrop("a.md", "---\nworkdir: docs\n---\nIn the docs. [[write c.txt: x]] [[final: ok]]\n");
      const { code } = await workspace.serve({ args: ["--until-idle"] }).ended;
      expect({ ran: planted.ran(), code }).toEqual({ ran: [], code: 1 });
      expect(reasonOf(workspace, "In the docs.")).toMatch(
        /^workdir: docs lies in a repository inside the working tree \(.*\/docs\), which a push or an agent can have made/,
      );
    },
  );
});

describe("a repository that an agent has made", () => {
  it("is refused as a working directory of the next task", { timeout: 60_000 }, async () => {
    const workspace = await tempWorkspace({ codex: await realCodex() });
    const marked = join(workspace.home, "marked"); // The sandbox may not write there.
    workspace.drop("docs/1.md", `Plant it. [[shell: ${plantingCommands("lib", marked)}]] [[final: ok]]\n`);
    await workspace.serveUntilIdle();
    expect(workspace.repo.read("lib/.git/config")).toContain("evil");
    expect(existsSync(marked)).toBe(false);
    workspace.repo.write("lib/deep/b.txt", "b\n");
    workspace.drop("docs/2.md", "---\nworkdir: lib\n---\nWork there. [[write c.txt: x]] [[final: ok]]\n");
    workspace.drop("docs/3.md", "---\nworkdir: lib/deep\n---\nFurther down. [[write c.txt: x]] [[final: ok]]\n");
    workspace.drop("docs/4.md", "At the top. [[write c.txt: x]] [[final: ok]]\n");
    const { code } = await workspace.serve({ args: ["--until-idle"] }).ended;
    expect({ ran: existsSync(marked), code }).toEqual({ ran: false, code: 1 });
    for (const prompt of ["Work there.", "Further down."])
      expect(reasonOf(workspace, prompt)).toMatch(/repository inside the working tree \(.*\/lib\/\.git\)/);
    expect(workspace.results.task("At the top.").status).toBe("succeeded");
  });

  it("is not met at the end of a run that began before it was there", async () => {
    const workspace = await tempWorkspace();
    workspace.repo.write("lib/old.txt", "old\n");
    workspace.repo.git("add", "lib");
    workspace.repo.git("commit", "--quiet", "-m", "lib");
    const gate = join(workspace.home, "gate");
    const wait = `[[command: until test -e ${gate}; do sleep 0.02; done]]`;
    workspace.drop("one/a.md", `---\nworkdir: lib\n---\nIn lib. [[write c.txt: x]] ${wait} [[final: ok]]\n`);
    workspace.drop("two/b.md", `At the top. ${wait} [[final: ok]]\n`);
    const coordinator = workspace.serve();
    await waitFor(() => existsSync(join(workspace.dir, "lib/c.txt")), { what: "the agent's file" });
    const planted = plantRepository(join(workspace.dir, "lib"), {
      marks: join(workspace.home, "m"),
      layout: "git-folder",
    });
    writeFileSync(gate, "");
    await coordinator.saw("run-ended", 2);
    await waitFor(() => workspace.results.tasks().length === 2, { what: "both results" });
    expect(planted.ran()).toEqual([]);
    expect(workspace.results.tasks().map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  });

  it("is not met by codex's own git, not even one that came after the last look", { timeout: 60_000 }, async () => {
    const codex = await realCodex();
    const home = tempDir();
    const [marked, log, ready] = [join(home, "marked"), join(home, "log"), join(home, "ready")];
    // The first git that codex starts finds the folder as it was looked at; after it, everything is planted.
    const plant = plantingCommands("planting", marked).replaceAll(
      "git ",
      "/usr/bin/env -u GIT_DIR -u GIT_WORK_TREE git-real ",
    );
    const PATH = gitWithScript([
      `case "$(tr '\\0' ' ' < /proc/$PPID/cmdline)" in *" exec --json "*) ;; *) exec git-real "$@" ;; esac`,
      `echo "$PWD|$GIT_DIR|$GIT_WORK_TREE|$SECRET_OF_OURS|$*" >> ${log}`,
      `if mkdir ${ready} 2>/dev/null; then ( ${plant}; mv .git a.txt .gitattributes .. ); fi`,
    ]);
    const workspace = await tempWorkspace({ codex, environment: { PATH, SECRET_OF_OURS: "secret" } });
    workspace.repo.write("lib/old.txt", "old\n");
    workspace.repo.git("add", "lib");
    workspace.repo.git("commit", "--quiet", "-m", "lib");
    workspace.drop(
      "a.md",
      "---\nworkdir: lib\n---\nIn lib. [[shell: env > env.txt; (cd ..; git rev-parse --show-toplevel) > top.txt]] [[final: ok]]\n",
    );
    await workspace.serveUntilIdle();
    expect(existsSync(join(workspace.dir, "lib/.git"))).toBe(true);
    const calls = readFileSync(log, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split("|"));
    expect(calls.length).toBeGreaterThan(3);
    expect(existsSync(marked)).toBe(false);
    for (const [, gitDir, workTree, secret] of calls)
      expect([gitDir, workTree, secret]).toEqual([join(workspace.dir, ".git"), workspace.dir, ""]);
    // It is for codex alone: what its agent runs looks for its repository as ever.
    expect(workspace.repo.read("lib/env.txt")).not.toMatch(/^GIT_(DIR|WORK_TREE|CONFIG)/m);
    expect(workspace.repo.read("lib/top.txt")?.trim()).toBe(workspace.dir);
  });
});

describe("every git of ours", () => {
  it("is told its repository, and nothing of our environment that it does not need", async () => {
    const log = join(tempDir(), "log");
    const PATH = gitWithScript([`echo "$GIT_DIR|$GIT_WORK_TREE|$SECRET_OF_OURS$SSH_AUTH_SOCK$EDITOR|$*" >> ${log}`]);
    const secrets = { SECRET_OF_OURS: "secret", SSH_AUTH_SOCK: "/agent", EDITOR: "vi" };
    const workspace = await tempWorkspace({ environment: { PATH, ...secrets } });
    workspace.repo.write("lib/old.txt", "old\n");
    workspace.drop("a.md", "---\nworkdir: lib\n---\nIn lib. [[write c.txt: x]] [[final: ok]]\n");
    await workspace.serveUntilIdle();
    expect((await workspace.command("log", workspace.results.task("In lib.").id)).stdout).toContain("ok");
    const calls = readFileSync(log, "utf8").trimEnd().split("\n");
    const gitDir = join(workspace.dir, ".git");
    expect(calls.filter((line) => /\|\|.*(ls-files|read-tree|log )/.test(line)).length).toBeGreaterThan(2);
    // Reading objects needs no work tree.
    for (const line of calls)
      expect([`${gitDir}|${workspace.dir}||`, `${gitDir}|||`]).toContain(/^[^|]*\|[^|]*\|[^|]*\|/.exec(line)?.[0]);
  });

  it("does not begin where the configuration includes a file of the working tree", async () => {
    const workspace = await tempWorkspace();
    workspace.repo.git("config", "include.path", "../.gitconfig");
    const coordinator = workspace.serve();
    expect((await coordinator.ended).code).toBe(78);
    expect(coordinator.log()).toMatch(/from .*\/repo\/\.gitconfig, which lies in the working tree/);
  });
});

describe("a repository that the policy allows", () => {
  it("is worked in, and what changed is asked of it; one that was made in it is not", { timeout: 60_000 }, async () => {
    const codex = await realCodex();
    const workspace = await tempWorkspace({ codex });
    const other = makeGitRepo(join(realpathSync(tempDir()), "other"));
    plantRepository(join(other.dir, "lib"), { marks: join(workspace.home, "m"), layout: "git-folder" });
    const allowed = await workspace.command("policy", "allow", "workdirs", other.dir);
    expect(allowed.code).toBe(0);
    workspace.drop("docs/1.md", `---\nworkdir: ${other.dir}/src\n---\nElsewhere. [[write c.txt: x]] [[final: ok]]\n`);
    workspace.drop("docs/2.md", `---\nworkdir: ${other.dir}/lib\n---\nIn lib. [[write c.txt: x]] [[final: ok]]\n`);
    await workspace.serveUntilIdle({ code: 1 });
    expect(workspace.results.task("Elsewhere.").result?.changedFiles).toContainEqual({
      ...{ path: "src/c.txt", change: "added", by: "patch" },
    });
    expect(reasonOf(workspace, "In lib.")).toMatch(/other\/lib\/\.git\)/);
  });
});

describe("a workspace on a branch of its own", () => {
  it("works in the code's repository alone, where its own .git and one in the code were replaced", async () => {
    const code = makeGitRepo(join(realpathSync(tempDir()), "code"));
    const gitDir = join(code.dir, ".git");
    expect((await workspaceIn(code.dir).command("init", "--branch", "inbox", "--dir", "../home")).code).toBe(0);
    const dir = join(code.dir, "../home");
    const stateDir = join(gitDir, "codex-inbox/homes", readdirSync(join(gitDir, "codex-inbox/homes"))[0] ?? "");
    const workspace = workspaceIn(dir, {
      ...{ stateDir, branch: "refs/heads/inbox", environment: { CODEX_INBOX_WORKPLACE: "shared" } },
    });
    const marks = join(workspace.home, "m");
    const lib = plantRepository(join(code.dir, "lib"), { marks, layout: "git-folder" });
    workspace.drop("one/a.md", "---\nworkdir: lib\n---\nIn lib. [[final: ok]]\n");
    const coordinator = workspace.serve();
    await coordinator.saw("refused");
    const planted = plantRepository(join(code.dir, "evil"), { marks, layout: "git-folder" });
    renameSync(join(dir, ".git"), `${dir}-git`);
    writeFileSync(join(dir, ".git"), `gitdir: ${code.dir}/evil/.git\n`);
    workspace.drop("two/b.md", "---\nworkdir: src\n---\nIn src. [[write c.txt: x]] [[final: ok]]\n");
    await coordinator.saw("committed", 2);
    expect(code.git("log", "--format=%(trailers:key=Task-Status,valueonly)", "inbox")).toContain("succeeded");
    expect([...lib.ran(), ...planted.ran()]).toEqual([]);
    expect(code.git("log", "--format=%s", "main")).toBe("first");
  });
});

describe("a command of the user's", () => {
  it("refuses a workspace that lies in another one: an agent can have made it", async () => {
    const workspace = await tempWorkspace();
    const marked = join(workspace.home, "marked");
    const lib = makeGitRepo(join(workspace.dir, "lib"));
    lib.write("tasks.md", "planted\n");
    lib.git("add", "--all");
    lib.git("commit", "--quiet", "-m", "planted");
    // What git does not have, it fetches from where the configuration says, by the program that it names.
    const blob = lib.git("rev-parse", "HEAD:tasks.md");
    rmSync(join(lib.dir, ".git/objects", blob.slice(0, 2), blob.slice(2)));
    for (const [key = "", value = ""] of [
      ["core.repositoryFormatVersion", "1"],
      ["extensions.partialClone", "origin"],
      ["remote.origin.url", "ssh://nowhere/x"],
      ["remote.origin.promisor", "true"],
      ["core.sshCommand", `touch ${marked}; false`],
    ])
      lib.git("config", key, value);
    const { code, stderr } = await workspace.command("-C", "lib", "ls");
    expect({ code, marked: existsSync(marked) }).toEqual({ code: 4, marked: false });
    expect(stderr).toMatch(/\/lib lies in the work tree of another workspace, .*\/repo/);
    // The control: a workspace of its own beside it is one.
    expect((await workspace.command("-C", "src", "ls")).code).toBe(0);
  });
});

describe("a folder that another agent exchanges for a link", () => {
  const exchange = "mv lib lib.aside && ln -s .git lib";
  const plant = "pwd -P; echo '# planted' >> config";
  const isPlanted = (workspace: TestWorkspace): boolean =>
    readFileSync(join(workspace.dir, ".git/config"), "utf8").includes("planted");

  it("is refused as a working directory when the run begins", { timeout: 60_000 }, async () => {
    const workspace = await tempWorkspace({ codex: await realCodex() });
    workspace.repo.write("lib/old.txt", "old\n");
    workspace.drop("docs/1.md", `At the top. [[shell: ${exchange}]] [[final: ok]]\n`);
    workspace.drop("docs/2.md", `---\nworkdir: lib\n---\nIn lib. [[shell: ${plant}]] [[final: ok]]\n`);
    await workspace.serveUntilIdle({ code: 1 });
    expect(reasonOf(workspace, "In lib.")).toMatch(/lib leads into git's own folder/);
    expect(isPlanted(workspace)).toBe(false);
  });

  // Codex 0.169.0 resolves the path of its working directory anew for each command: one that is exchanged while an agent works there lets it
  // write wherever the link leads. So tasks of different folders take turns.
  it("is not exchanged while another agent works in it: they take turns", { timeout: 60_000 }, async () => {
    const workspace = await tempWorkspace({ codex: await realCodex() });
    workspace.repo.write("lib/old.txt", "old\n");
    const until = (test: string): string => `for i in $(seq 20); do test ${test} && break; sleep 0.1; done`;
    workspace.drop(
      "one/a.md",
      `---\nworkdir: lib\n---\nIn lib. [[shell: touch begun; ${until("-L ../lib")}]] [[shell: ${plant}]] [[final: ok]]\n`,
    );
    const wait = until("-e lib/begun");
    const stay = "for i in $(seq 20); do grep -q planted .git/config && break; sleep 0.1; done";
    workspace.drop("two/b.md", `At the top. [[shell: ${wait}; ${exchange}; ${stay}]] [[final: ok]]\n`);
    await workspace.serve({ args: ["--until-idle"] }).ended;
    expect(workspace.results.tasks().map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
    expect(isPlanted(workspace)).toBe(false);
  });
});
