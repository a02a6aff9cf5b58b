import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Command } from "../../src/cli/command.ts";
import { loadCommands } from "../../src/cli/command-table.ts";
import { createCompletionCommand } from "../../src/cli/commands/completion.ts";
import { completionScript, type Shell } from "../../src/cli/completion-script.ts";
import { createFakeCliDeps, runCommand } from "../fakes/fake-cli-deps.ts";
import { tempDir } from "../support/temp-dir.ts";

const LISTED = {
  version: 1,
  tasks: [
    { id: "20261120-141530-k3f9x2", sessionKey: "docs" },
    { id: "20261120-141531-aaaaaa", sessionKey: "docs/api" },
  ],
  sessions: [{ key: "docs" }, { key: "docs/api" }, { key: "long-ago" }],
};

let commands: readonly Command[];
beforeAll(async () => {
  commands = await loadCommands(createFakeCliDeps());
});

/** How each shell is asked what it offers for a line whose last word is being typed; one a line, which may hold more behind a tab. */
const ASKED: Readonly<
  Record<Shell, { readonly command: readonly string[]; readonly ask: (line: readonly string[]) => string }>
> = {
  bash: {
    command: ["bash", "--norc", "--noprofile", "-c"],
    ask: (line) => `COMP_WORDS=(codex-inbox ${quoted(line)}); COMP_CWORD=${line.length}
_codex_inbox
printf '%s\\n' "\${COMPREPLY[@]}"`,
  },
  zsh: {
    command: ["zsh", "-f", "-c"],
    ask: (line) => `compadd() { shift; print -l -- "$@"; }
_files() { print -l -- *; }
words=(codex-inbox ${quoted(line)}); CURRENT=\${#words}
_codex_inbox`,
  },
  fish: {
    command: ["fish", "--no-config", "-c"],
    ask: (line) => `complete -C '${["codex-inbox", ...line].join(" ")}'`,
  },
};

function quoted(line: readonly string[]): string {
  return line.map((word) => `'${word}'`).join(" ");
}

function isInstalled(shell: Shell): boolean {
  return spawnSync(shell, ["-c", "exit 0"]).status === 0;
}

/** What a shell offers for a line, and the command lines by which it has asked this program. */
function offered(shell: Shell, line: readonly string[], isThere = true) {
  const dir = tempDir();
  const listed = join(dir, "listed.json");
  writeFileSync(listed, JSON.stringify(LISTED, null, 2));
  const program = join(dir, "codex-inbox");
  writeFileSync(
    program,
    isThere ? `#!/bin/sh\necho "$@" >>'${dir}/.asked'\ncat '${listed}'\n` : "#!/bin/sh\necho no >&2\nexit 3\n",
  );
  chmodSync(program, 0o700);
  const { command, ask } = ASKED[shell];
  const [name = "", ...args] = command;
  const register = shell === "zsh" ? "compdef() { :; }\n" : "";
  const script = `${register}${completionScript(shell, commands)}\n${ask(line)}`;
  const { stdout, stderr, status } = spawnSync(name, [...args, script], {
    encoding: "utf8",
    cwd: dir,
    env: { PATH: `${dir}:${process.env.PATH}`, HOME: dir },
  });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  const words = stdout.split("\n").map((text) => text.split("\t", 1)[0] ?? "");
  const asked = existsSync(join(dir, ".asked")) ? readFileSync(join(dir, ".asked"), "utf8") : "";
  return { words: words.filter((word) => word !== "" && word.startsWith(line.at(-1) ?? "")).sort(), asked };
}

describe.each((["bash", "zsh", "fish"] as const).filter(isInstalled))("completion in %s", (shell) => {
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
    { line: ["send", ""], words: ["docs", "docs/api", "long-ago"] },
    { line: ["ls", "--state", "ca"], words: ["cancelled"] },
    { line: ["sessions", "--state", ""], words: ["RUNNING", "STOPPED", "DIED", "ARCHIVED"] },
    { line: ["add", "--worktree", "a"], words: ["always", "auto"] },
    { line: ["worktree", ""], words: ["ls", "gc", "open", "repair"] },
    { line: ["policy", "allow"], words: ["allow", "allow-author"] },
    { line: ["policy", "--origin", "h"], words: ["http"] },
    { line: ["completion", ""], words: ["bash", "zsh", "fish"] },
    { line: ["add", "--file", "lis"], words: ["listed.json"] },
    { line: ["add", "Fix"], words: [] },
  ])("offers $words for $line", ({ line, words }) => {
    expect(offered(shell, line).words).toEqual([...words].sort());
  });

  it("asks in the folder that -C names", () => {
    expect(offered(shell, ["-C", "..", "stop", ""])).toMatchObject({
      words: { length: 2 },
      asked: "-C .. ls --json\n",
    });
  });

  it("says nothing where there is no workspace", () => {
    expect(offered(shell, ["stop", ""], false).words).toEqual([]);
  });
});

it("every command and every flag is in each script", async () => {
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
});

it("each script is whole, also where its shell is not there to read it: zsh's is made of what bash can read", () => {
  for (const shell of ["bash", "zsh"] as const)
    execFileSync("bash", ["-n"], { input: completionScript(shell, commands) });
  const lines = completionScript("fish", commands).split("\n");
  let depth = 0;
  for (const line of lines) {
    const bare = line.replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, "").replace(/^ *#.*/, "");
    expect(bare, line).not.toMatch(/['"]/); // Each quote is closed in its line.
    if (/^ *(?:function|if|for|while|switch|begin)\b/.test(bare)) depth += 1;
    if (/^ *end\b/.test(bare)) depth -= 1;
    expect(depth, line).toBeGreaterThanOrEqual(0);
  }
  expect(depth).toBe(0);
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
