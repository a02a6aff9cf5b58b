import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { levelOfSettings } from "../../src/run/sandbox/permission-profile.ts";
import { realCodex } from "../support/real-codex.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

/** What an agent may try to get more than it has: a task file, and what its refusal says. */
const GREEDY: Readonly<Record<string, { readonly frontMatter: string; readonly says: string }>> = {
  full: { frontMatter: "sandbox: danger-full-access", says: "codex-inbox policy set sandbox danger-full-access" },
  away: { frontMatter: "workdir: /etc", says: "codex-inbox policy allow workdirs /etc" },
  above: { frontMatter: "workdir: ../..", says: 'contains ".."' },
  git: { frontMatter: "workdir: .git/codex-inbox", says: "leads into .git" },
  image: { frontMatter: "images: /etc/hostname", says: "codex-inbox policy allow images /etc/hostname" },
  schema: { frontMatter: "outputSchema: /etc/passwd", says: "is not relative to the working tree" },
  setting: {
    frontMatter: "codexConfig: { sandbox_workspace_write.network_access: true }",
    says: "codex-inbox policy allow codexConfig sandbox_workspace_write.network_access",
  },
  secret: { frontMatter: "environment: DEPLOY_TOKEN", says: "codex-inbox policy allow environment DEPLOY_TOKEN" },
};

const REFUSED_CODEX = '"codex" is not for the repository to say';
const MISSPELT = 'policy.json: line 2, column 2: unknown key "sandbx"; did you mean "sandbox"?';
const PLANTED_POLICY = '{"version":1,"sandbox":"danger-full-access","verify":"unsandboxed","workdirs":["/"]}';

function planted(name: string, frontMatter: string): string {
  return `---\n${frontMatter}\n---\nPlanted: ${name}.\n`;
}

async function committed(workspace: TestWorkspace, count: number): Promise<void> {
  await waitFor(() => workspace.results.commits().length >= count, { what: `${count} results`, timeoutMs: 20_000 });
}

function resultOf(workspace: TestWorkspace, name: string): ReturnType<TestWorkspace["results"]["task"]> {
  const found = workspace.results.tasks().find(({ prompt }) => prompt.startsWith(`Planted: ${name}`));
  if (found === undefined) throw new Error(`no result of ${name}`);
  return found;
}

/** The words of a stub's start that follow `flag`. */
function flags(workspace: TestWorkspace, prompt: string, flag: string): readonly string[] {
  const run = workspace.stubRuns().find((one) => one.prompt.includes(prompt));
  return run?.args.flatMap((word, index) => (run.args[index - 1] === flag ? [word] : [])) ?? [];
}

describe("an agent that drops task files", () => {
  it("gains nothing by what it asks for, nor by settings and policies in the repository", async () => {
    const workspace = await tempWorkspace({ environment: { DEPLOY_TOKEN: "secret" } });
    const writes = Object.entries(GREEDY).map(
      ([name, { frontMatter }]) => `[[write inbox/${name}.md: ${planted(name, frontMatter)}]]`,
    );
    const settings = '{"codex": "./evil", "codexHome": "./home", "sandbox": "danger-full-access"}';
    workspace.drop(
      "docs/agent.md",
      [
        ...writes,
        `[[write codex-inbox.json: ${settings}]] [[command: mkdir codex-inbox; ln -s / way; ln -s /etc/hostname way.png]]`,
        ...["policy.json", "codex-inbox/policy.json", "inbox/policy.json"].map(
          (path) => `[[write ${path}: ${PLANTED_POLICY}]]`,
        ),
        `[[write inbox/link.md: ${planted("link", "workdir: way")}]]`,
        `[[write inbox/picture.md: ${planted("picture", "images: way.png")}]]`,
        `[[write inbox/verify.md: ${planted("verify", "verify: unsandboxed\nverifyPlace: unsandboxed")}]]`,
        "[[final: all dropped]]",
      ].join("\n"),
    );
    const coordinator = workspace.serve();
    await coordinator.saw("run-ended", 2);
    for (const [name, { says }] of Object.entries(GREEDY)) {
      const path = join(workspace.dir, "inbox", `${name}.error.md`);
      await waitFor(() => existsSync(path), { what: path });
      expect(readFileSync(path, "utf8")).toContain(says);
    }
    await coordinator.saw("settings-uncommitted");
    await committed(workspace, 4);
    expect(resultOf(workspace, "link").result?.reason).toMatch(/^workdir: "way" leads to "\/", outside/);
    expect(resultOf(workspace, "picture").result?.reason).toMatch(/^images: "way\.png" leads to/);
    expect(resultOf(workspace, "verify").frontMatter).toMatchObject({ status: "succeeded" });

    const runs = workspace.stubRuns();
    expect(runs.map(({ prompt }) => prompt.startsWith("Planted: verify"))).toEqual([false, true]);
    for (const { args, workdir } of runs) {
      expect(levelOfSettings(args)).toBe("workspace-write");
      expect(args.join(" ")).not.toMatch(/network_access|bypass|DEPLOY/);
      expect(workdir).toBe(realpathSync(workspace.dir));
    }
    expect(existsSync(join(workspace.stateDir, "policy.json"))).toBe(false);

    // What the agent has done to the settings counts for nothing, also at the next start; in a commit it would be refused.
    coordinator.signal("SIGTERM");
    await coordinator.ended;
    const next = await workspace.serveUntilIdle({ code: 1 });
    expect(next.lines("accepted")).toEqual([]);
    expect(next.log()).not.toContain(REFUSED_CODEX);
    workspace.commitSettings(settings);
    const last = workspace.serve();
    expect((await last.ended).code).toBe(78);
    expect(last.log()).toContain(REFUSED_CODEX);
    expect(workspace.stubRuns()).toHaveLength(2);
  });

  it("cannot have codex read credentials for it, nor work in them, where they lie in what is allowed", async () => {
    const workspace = await tempWorkspace();
    const [home, codexHome] = [realpathSync(tempDir()), join(workspace.dir, "codex-home")];
    for (const folder of [join(home, ".docker"), codexHome]) mkdirSync(folder);
    writeFileSync(join(home, ".docker", "config.json"), '{"auths":{}}');
    writeFileSync(join(codexHome, "auth.json"), '{"OPENAI_API_KEY":"none"}');
    for (const key of ["workdirs", "images"]) await workspace.command("policy", "allow", key, home);
    workspace.drop("schema.md", planted("schema", "outputSchema: codex-home/auth.json"));
    workspace.drop("image.md", planted("image", `images: ${home}/.docker/config.json`));
    workspace.drop("folder.md", planted("folder", `workdir: ${home}/.docker`));
    await workspace.serveUntilIdle({ code: 1, environment: { HOME: home, CODEX_HOME: codexHome } });
    expect(workspace.stubRuns()).toEqual([]);
    for (const name of ["schema", "image", "folder"])
      expect(resultOf(workspace, name).result?.reason).toMatch(/ leads to .*, .*no run may read it/);
  });

  it("does not get in the way of codex or git with one of its own", async () => {
    const workspace = await tempWorkspace();
    const evil = join(workspace.dir, "node_modules", ".bin");
    mkdirSync(evil, { recursive: true });
    const marker = join(workspace.dir, "evil-ran");
    for (const name of ["codex", "git", "rg", "grep", "sh"])
      writeFileSync(join(evil, name), `#!/bin/sh\necho $0 >> ${marker}\necho 'codex-cli 9.9.9'\n`, { mode: 0o755 });
    const ours = tempDir();
    symlinkSync(join(import.meta.dirname, "../fixtures/codex-stub.mjs"), join(ours, "codex"));
    const path = [evil, ours, process.env.PATH].join(":");
    workspace.drop("a.md", "[[command: true]]\n");
    workspace.repo.write("MEMORY.md", "A note about true things.\n");
    const coordinator = await workspace.serveUntilIdle({ environment: { CODEX_INBOX_CODEX: "", PATH: path } });
    expect(workspace.stubRuns()).toHaveLength(1);
    expect(coordinator.lines("path")[0]?.field("leftOut")).toBe(evil);
    expect(existsSync(marker)).toBe(false);
  });

  it("is kept from the policy by codex's sandbox, wherever it works", { timeout: 60_000 }, async () => {
    const codex = await realCodex();
    const workspace = await tempWorkspace({ codex });
    const before = await workspace.command("policy", "set", "verify", "sandboxed");
    expect(before.code).toBe(0);
    const policy = join(workspace.stateDir, "policy.json");
    const text = readFileSync(policy, "utf8");
    workspace.repo.write("sub/a.txt", "a\n");
    for (const workdir of [".", "sub"]) {
      const attack = `echo '{}' > ${policy}; find ${workspace.stateDir} -delete; mv ${workspace.dir}/.git ${workspace.dir}/was; touch tried`;
      workspace.drop(`${workdir.length}.md`, `---\nworkdir: ${workdir}\n---\n[[shell: ${attack}]] [[final: ok]]\n`);
    }
    await workspace.serveUntilIdle();
    for (const folder of [".", "sub"]) expect(existsSync(join(workspace.dir, folder, "tried"))).toBe(true);
    expect(readFileSync(policy, "utf8")).toBe(text);
  });
});

describe("a repository that the user trusts in codex", () => {
  it("starts nothing outside the sandbox all the same", { timeout: 60_000 }, async () => {
    const codex = await realCodex();
    const workspace = await tempWorkspace({ codex });
    const marker = join(workspace.home, "evil-ran");
    const root = realpathSync(workspace.dir);
    appendFileSync(join(codex.home, "config.toml"), `\n[projects."${root}"]\ntrust_level = "trusted"\n`);
    const outside = join(workspace.home, "rule-ran"); // The sandbox may not write there.
    for (const folder of [".", "sub"]) {
      workspace.repo.write(
        join(folder, ".codex/rules/default.rules"),
        'prefix_rule(pattern=["touch"], decision="allow")\n',
      );
      workspace.repo.write(
        join(folder, ".codex/config.toml"),
        `[mcp_servers.evil]\ncommand = "/bin/sh"\nargs = ["-c", "touch ${marker}; sleep 1"]\n`,
      );
    }
    workspace.drop("a.md", `---\nworkdir: sub\n---\nIn the sub-folder. [[shell: touch ${outside}]] [[final: ok]]\n`);
    workspace.drop("b.md", "At the top. [[final: ok]]\n");
    await workspace.serveUntilIdle();
    expect([marker, outside].filter(existsSync)).toEqual([]);
  });
});

describe("the owner of the machine", () => {
  it("allows more with one command, and what had asked for it is taken", async () => {
    const other = realpathSync(tempDir());
    const workspace = await tempWorkspace({ environment: { DEPLOY_TOKEN: "secret" } });
    const coordinator = workspace.serve();
    workspace.drop(
      "x.md",
      `---\nsandbox: danger-full-access\nworkdir: ${other}\nenvironment: [DEPLOY_TOKEN]\n---\n[[command: echo $DEPLOY_TOKEN > seen]]\n`,
    );
    const error = join(workspace.dir, "inbox/x.error.md");
    await waitFor(() => existsSync(error), { what: "the error file" });
    for (const line of ["environment: no task", "sandbox:", "workdir:"])
      expect(readFileSync(error, "utf8")).toContain(line);
    // As the refusals say, one after the other.
    for (const [, command = ""] of readFileSync(error, "utf8").matchAll(/with "codex-inbox (policy [^\n]*)"\.$/gm))
      expect(await workspace.command(...command.split(" "))).toMatchObject({ code: 0 });
    await coordinator.saw("committed");
    expect(existsSync(error)).toBe(false);
    expect(readFileSync(join(other, "seen"), "utf8")).toBe("secret\n");
    expect(flags(workspace, "DEPLOY_TOKEN", "-s")).toEqual(["danger-full-access"]);
    expect(flags(workspace, "DEPLOY_TOKEN", "-C")).toEqual([other]);
    expect(flags(workspace, "DEPLOY_TOKEN", "-c").join()).not.toContain("secret");
    expect(coordinator.lines("policy").at(-1)?.field("sandbox")).toBe("danger-full-access");
  });

  it("takes it back: what was accepted and has not begun ends with the reason", async () => {
    const workspace = await tempWorkspace();
    await workspace.command("policy", "set", "sandbox", "danger-full-access");
    const coordinator = workspace.serve();
    const gate = join(workspace.home, "gate");
    workspace.drop("docs/1.md", `First. [[command: until test -e ${gate}; do sleep 0.05; done]]\n`);
    await coordinator.saw("started");
    workspace.drop("docs/2.md", planted("second", "sandbox: danger-full-access"));
    await coordinator.saw("accepted", 2);
    expect((await workspace.command("policy", "set", "sandbox", "read-only")).code).toBe(0);
    expect((await coordinator.saw("policy")).field("sandbox")).toBe("read-only");
    writeFileSync(gate, "");
    await committed(workspace, 2);
    expect(resultOf(workspace, "second").result?.reason).toMatch(
      /^sandbox: "danger-full-access" is more than a task may ask for here; expected: at most read-only/,
    );
    expect(workspace.stubRuns()).toHaveLength(1);
    // What asks for nothing gets what is allowed of the default.
    workspace.drop("docs/3.md", "Third.\n");
    await committed(workspace, 3);
    expect(levelOfSettings(flags(workspace, "Third", "-c"))).toBe("read-only");
  });

  it("is told of a bad edit, which changes nothing while serving and is refused at a start", async () => {
    const workspace = await tempWorkspace();
    const policy = join(workspace.stateDir, "policy.json");
    const coordinator = workspace.serve();
    await coordinator.saw("serving");
    writeFileSync(policy, '{"version": 1,\n "sandbx": "danger-full-access"}', { mode: 0o600 });
    await waitFor(() => coordinator.lines("settings-kept").some((line) => line.field("reason")?.includes(MISSPELT)), {
      what: MISSPELT,
    });
    expect((await workspace.command("status")).stdout).toContain("the last good ones are in force");
    workspace.drop("a.md", planted("greedy", "sandbox: danger-full-access"));
    await waitFor(() => existsSync(join(workspace.dir, "inbox/a.error.md")), { what: "the error file" });
    coordinator.signal("SIGTERM");
    await coordinator.ended;
    const next = workspace.serve();
    expect((await next.ended).code).toBe(78);
    writeFileSync(policy, '{"version": 1, "sandbox": "danger-full-access"}');
    chmodSync(policy, 0o666);
    const loose = workspace.serve();
    expect((await loose.ended).code).toBe(78);
    expect(loose.log()).toContain("may be written by others (mode 666)");
  });

  it("has the same said of a task by every way in", async () => {
    const workspace = await tempWorkspace();
    const text = planted("direct", "sandbox: danger-full-access");
    const added = await workspace.command("add", "--", text);
    expect(added).toMatchObject({ code: 4, stdout: "" });
    expect(added.stderr).toContain("codex-inbox policy set sandbox danger-full-access");
    const coordinator = workspace.serve();
    const answer = await coordinator.ask("/tasks", { method: "POST", body: text });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      error: { code: "NOT_ALLOWED", message: expect.stringContaining("line 2") },
    });
    expect((await workspace.command("policy", "set", "sandbox", "danger-full-access")).code).toBe(0);
    expect((await workspace.command("add", "--", text)).code).toBe(0);
    await coordinator.saw("committed");
    expect(flags(workspace, "Planted: direct", "-s")).toEqual(["danger-full-access"]);
  });
});
