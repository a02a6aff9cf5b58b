import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Command } from "../../src/cli/command.ts";
import { loadCommands } from "../../src/cli/command-table.ts";
import { createCompletionCommand } from "../../src/cli/commands/completion.ts";
import { completionScript } from "../../src/cli/completion-script.ts";
import { createFakeCliDeps, runCommand } from "../fakes/fake-cli-deps.ts";
import { tempDir } from "../support/temp-dir.ts";

const LISTED = {
  version: 1,
  tasks: [
    { id: "20261120-141530-k3f9x2", sessionKey: "docs" },
    { id: "20261120-141531-aaaaaa", sessionKey: "docs/api" },
  ],
};

let commands: readonly Command[];
beforeAll(async () => {
  commands = await loadCommands(createFakeCliDeps());
});

/** What bash offers for a line whose last word is being typed. */
function offered(line: readonly string[], isThere = true): readonly string[] {
  const dir = tempDir();
  const listed = join(dir, "listed.json");
  writeFileSync(listed, JSON.stringify(LISTED, null, 2));
  const program = join(dir, "codex-inbox");
  writeFileSync(
    program,
    isThere ? `#!/bin/sh\necho "$@" >>'${dir}/asked'\ncat '${listed}'\n` : "#!/bin/sh\necho no >&2\nexit 3\n",
  );
  chmodSync(program, 0o700);
  const words = ["codex-inbox", ...line].map((word) => `'${word}'`).join(" ");
  const script = `${completionScript("bash", commands)}
COMP_WORDS=(${words}); COMP_CWORD=${line.length}
_codex_inbox
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["--norc", "--noprofile", "-c", script], {
    encoding: "utf8",
    cwd: dir,
    env: { PATH: `${dir}:${process.env.PATH}` },
  });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return stdout.split("\n").filter((word) => word !== "");
}

describe("completion in bash", () => {
  it.each([
    { line: ["st"], words: ["start", "status", "stop"] },
    { line: ["as"], words: ["ask"] },
    { line: ["-C", "..", "sen"], words: ["send"] },
    { line: ["add", "--ti"], words: ["--title", "--timeout"] },
    { line: ["add", "--sandbox", ""], words: ["read-only", "workspace-write", "danger-full-access"] },
    { line: ["add", "--session", "docs"], words: ["docs", "docs/api"] },
    { line: ["add", "--depends-on", ""], words: LISTED.tasks.map(({ id }) => id) },
    { line: ["stop", "20261120-141530"], words: ["20261120-141530-k3f9x2"] },
    { line: ["edit", "--json", ""], words: LISTED.tasks.map(({ id }) => id) },
    { line: ["send", ""], words: ["docs", "docs/api"] },
    { line: ["completion", ""], words: ["bash", "zsh", "fish"] },
    { line: ["add", "--file", "lis"], words: ["listed.json"] },
    { line: ["add", "Fix"], words: [] },
  ])("offers $words for $line", ({ line, words }) => {
    expect(offered(line)).toEqual(words);
  });

  it("says nothing where there is no workspace", () => {
    expect(offered(["stop", ""], false)).toEqual([]);
  });
});

it("every command and every flag is in each script, and bash and zsh, where they are there, read theirs", async () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    const script = completionScript(shell, commands);
    for (const { name, options } of commands) {
      expect(script).toContain(name);
      for (const flag of Object.keys(options))
        expect(script, `${name} ${flag}`).toContain(
          shell === "fish" ? ` ${flag.length === 1 ? "-s" : "-l"} ${flag}` : `-${flag}`,
        );
    }
  }
  execFileSync("bash", ["-n"], { input: completionScript("bash", commands) });
});

describe("completion", () => {
  it("prints the script of a shell, and knows three", async () => {
    const deps = createFakeCliDeps();
    const command = createCompletionCommand(deps, async () => commands);
    expect(await runCommand(command, "zsh")).toBe(0);
    expect(deps.printed.join("")).toMatch(/^#compdef codex-inbox\n/);
    await expect(runCommand(command, "tcsh")).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("expected one of bash, zsh, fish"),
    });
  });
});
