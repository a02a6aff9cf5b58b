import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { GitPlace } from "../../../src/git/process/git-environment.ts";
import { runGit } from "../../../src/git/process/git-process.ts";
import { createGitShell } from "../../../src/git/process/git-shell.ts";
import { makeGitRepo } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";

const WORDS = ["it's", "a\nb", "$(touch hacked)", "`id`; exit 9 #", '"', "\\", "日本 🎉", "-n", "~", "* a=b"];

function scene(folder = "repository"): { readonly place: GitPlace & { readonly topDir: string } } {
  const { dir } = makeGitRepo(join(tempDir(), folder));
  return { place: { gitDir: join(dir, ".git"), topDir: dir } };
}

/** A git command that prints which process has started git, after what `first` does in a shell. */
function parentOf(first = ":"): readonly string[] {
  return ["-c", `alias.parent=!${first}; cut -d' ' -f4 /proc/$PPID/stat #`, "parent"];
}

describe.each(["/bin/sh", "/bin/bash"])("git behind %s", (program) => {
  it("answers as git does without it, whatever stands in folders, words and variables", async () => {
    const shell = createGitShell(program);
    for (const word of WORDS) {
      const { place } = scene(word);
      writeFileSync(join(place.topDir, "file"), "1\n");
      const args = [
        "-c",
        `a.b=${word}`,
        "-c",
        "alias.told=!env | grep -v -e ^_= -e ^SHLVL=; pwd; cat; git config a.b; printf '\\0\\377' #",
        "told",
      ];
      const environment = { GIT_TOLD: word };
      const told = await shell.run(place, args, { environment });
      expect(told).toEqual(await runGit(place, args, { environment }));
      expect(told.stdout.includes(word)).toBe(true);
    }
  });

  it("is started by the shell, the same for all; a failure says why", async () => {
    const { place } = scene();
    const shell = createGitShell(program);
    const first = await shell.run(place, parentOf());
    expect(first.stdout.toString()).not.toBe(`${process.pid}\n`);
    expect(await shell.run(place, ["cat-file", "-p", "nothing"])).toMatchObject({
      ...{ status: 128, stderr: expect.stringContaining("Not a valid object name") },
    });
    expect(await shell.run(place, parentOf())).toEqual(first);
  });

  it("takes much, and what looks like the end of an answer, as it is", async () => {
    const { place } = scene();
    const text = `${"0123456789abcdef0123456789abcdef 0\n".repeat(100_000)}`;
    writeFileSync(join(place.topDir, "text"), text);
    const answer = await createGitShell(program).run(place, ["-c", "alias.text=!cat text #", "text"]);
    expect(answer.stdout.equals(Buffer.from(text))).toBe(true);
  });

  it("reads the file that is named as its input, also where the shell is busy or refuses", async () => {
    const { place } = scene("a 'b'");
    const inputPath = join(place.topDir, "input $x");
    const input = Buffer.from(`\0\xff'\n${"x".repeat(200_000)}`, "latin1");
    writeFileSync(inputPath, input);
    const shell = createGitShell(program);
    const told = (end: string) => ["-c", `alias.told=!cat; exit ${end} #`, "told"];
    const answers = await Promise.all(["0", "0", "3"].map((end) => shell.run(place, told(end), { inputPath })));
    expect(answers.map(({ status, stdout }) => [status, stdout.equals(input)])).toEqual([
      [0, true],
      [0, true],
      [3, true],
    ]);
    expect(await shell.run(place, told("3"), { inputPath })).toMatchObject({ status: 3 });
    await expect(shell.run(place, told("0"), { inputPath: `${inputPath}.none` })).rejects.toThrow("ENOENT");
  });

  it("is asked without a shell while that is busy, and while there is none", async () => {
    const { place } = scene();
    const shell = createGitShell(program);
    const parents = await Promise.all([shell.run(place, parentOf()), shell.run(place, parentOf())]);
    const [through, direct] = parents.map(({ stdout }) => stdout.toString());
    expect(through).not.toBe(direct);
    expect(direct).toBe(`${process.pid}\n`);
    const none = await createGitShell("/no/such/program").run(place, parentOf());
    expect(none.stdout.toString()).toBe(direct);
  });

  it("is asked again where the shell is killed meanwhile, and of another shell after that", async () => {
    const { place } = scene();
    const shell = createGitShell(program);
    const first = (await shell.run(place, parentOf())).stdout.toString();
    // The command kills the shell that has started git, where that is not this process.
    const kill = `read -r _ _ _ parent _ < /proc/$PPID/stat; [ $parent = ${process.pid} ] || kill -9 $parent`;
    expect((await shell.run(place, parentOf(kill))).stdout.toString()).toBe(`${process.pid}\n`);
    const next = (await shell.run(place, parentOf())).stdout.toString();
    expect(next).not.toBe(first);
    expect(readFileSync(`/proc/${next.trim()}/cmdline`, "utf8")).toContain(program);
    process.kill(Number(next), "SIGKILL");
    expect((await shell.run(place, parentOf())).stdout.toString()).toBe(`${process.pid}\n`);
    expect((await shell.run(place, parentOf())).stdout.toString()).not.toBe(`${process.pid}\n`);
  });
});
