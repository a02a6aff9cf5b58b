import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A repository as an attacker makes it: whatever git is asked in it, its configuration would run a program. */
export interface PlantedRepository {
  /** Names of the settings whose program has run, sorted. */
  ran(): readonly string[];
}

export interface PlantedOptions {
  /** What the programs make a file in, by their names; absolute, and not there yet. */
  readonly marks: string;
  /**
   * `git-folder`: `.git` in `dir`; `gitfile`: a file `.git` that leads to a folder beside it; `bare`: the folder itself is the git
   * directory, as a push can bring it.
   */
  readonly layout: "git-folder" | "gitfile" | "bare";
}

/** Makes the folder `dir` (absolute) such a repository: one file is in it, whose content git has to compare. */
export function plantRepository(dir: string, { marks, layout }: PlantedOptions): PlantedRepository {
  const gitDir = layout === "git-folder" ? join(dir, ".git") : layout === "gitfile" ? join(dir, "g") : dir;
  mkdirSync(dir, { recursive: true });
  mkdirSync(marks, { recursive: true });
  const aside = `${dir}.aside.git`;
  const git = (...args: readonly string[]): void => {
    const words = ["--git-dir", aside, "--work-tree", dir, "-c", "user.name=E", "-c", "user.email=e@e", ...args];
    execFileSync("git", words, { cwd: dir, stdio: "pipe" });
  };
  writeFileSync(join(dir, "a.txt"), "attacked\n");
  git("init", "--quiet", "-b", "main");
  git("add", "a.txt");
  git("commit", "--quiet", "-m", "planted");
  appendFileSync(join(aside, "config"), settings(dir, gitDir, marks).map(configLines).join(""));
  writeFileSync(join(aside, "more.config"), `[filter "more"]\n\tclean = ${mark(marks, "include.path")}; cat\n`);
  mkdirSync(join(aside, "hooks"), { recursive: true });
  for (const name of ["post-index-change", "reference-transaction", "post-checkout", "pre-commit"])
    writeFileSync(join(aside, "hooks", name), `#!/bin/sh\n${mark(marks, "core.hooksPath")}\n`, { mode: 0o755 });
  writeFileSync(join(dir, ".gitattributes"), "*.txt filter=evil diff=evil\n*.md filter=more\n");
  writeFileSync(join(dir, "b.md"), "attacked too\n");
  // Not what was added: git has to look at what it holds.
  writeFileSync(join(dir, "a.txt"), "ATTACKED\n");
  if (layout === "git-folder") renameSync(aside, gitDir);
  else if (layout === "gitfile") {
    renameSync(aside, gitDir);
    writeFileSync(join(dir, ".git"), "gitdir: g\n");
  } else {
    for (const name of readdirSync(aside)) renameSync(join(aside, name), join(dir, name));
    // A commit holds no empty folder.
    for (const name of ["refs/heads", "objects"]) writeFileSync(join(dir, name, ".keep"), "");
  }
  return { ran: () => (existsSync(marks) ? readdirSync(marks).sort() : []) };
}

/** As `git config --add` writes it, in place of twenty starts of git. */
function configLines([key, value]: readonly [string, string]): string {
  const [section = "", ...rest] = key.split(".");
  const name = rest.pop() ?? "";
  const part = rest.length === 0 ? "" : ` "${rest.join(".")}"`;
  return `[${section}${part}]\n\t${name} = "${value.replaceAll(/["\\]/g, "\\$&")}"\n`;
}

function mark(marks: string, name: string): string {
  return `touch ${join(marks, name)}`;
}

function settings(dir: string, gitDir: string, marks: string): readonly (readonly [string, string])[] {
  const program = (name: string): string => mark(marks, name);
  return [
    ["core.bare", "false"],
    ["core.worktree", dir],
    ["core.hooksPath", join(gitDir, "hooks")],
    ["core.fsmonitor", `${program("core.fsmonitor")}; false`],
    ["core.pager", program("core.pager")],
    ["core.editor", program("core.editor")],
    ["core.sshCommand", program("core.sshCommand")],
    ["core.askPass", program("core.askPass")],
    ["credential.helper", `!${program("credential.helper")}`],
    ["filter.evil.clean", `${program("filter.clean")}; cat`],
    ["filter.evil.smudge", `${program("filter.smudge")}; cat`],
    ["diff.external", program("diff.external")],
    ["diff.evil.textconv", program("diff.textconv")],
    ["diff.evil.command", program("diff.command")],
    ["gpg.program", program("gpg.program")],
    ["log.showSignature", "true"],
    ["include.path", "more.config"],
    ["alias.ls-files", `!${program("alias")}`],
    ["alias.status", `!${program("alias")}`],
    ["remote.origin.url", `ext::sh -c ${program("remote.url").replace(" ", "% ")}`],
    ["remote.origin.promisor", "true"],
    ["extensions.partialClone", "origin"],
  ];
}

/** Shell commands that make the folder `name` (relative) a repository whose filter makes the file `marked`. */
export function plantingCommands(name: string, marked: string): string {
  return [
    `mkdir -p ${name} && cd ${name}`,
    "git init -q -b main .",
    "echo attacked > a.txt",
    "git -c user.name=E -c user.email=e@e add a.txt",
    "git -c user.name=E -c user.email=e@e commit -q -m planted",
    `git config filter.evil.clean 'touch ${marked}; cat'`,
    `git config core.fsmonitor 'touch ${marked}; false'`,
    "echo '*.txt filter=evil' > .gitattributes",
    "echo ATTACKED > a.txt",
  ].join("; ");
}
