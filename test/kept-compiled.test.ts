import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { tempDir } from "./support/temp-dir.ts";

/** A copy of the package that keeps nothing compiled yet. */
function installed(): { readonly dir: string; readonly compiled: string } {
  const dir = join(tempDir(), "node_modules/codex-inbox");
  const compiled = join(dir, "dist/compiled");
  for (const name of ["bin", "dist", "package.json"])
    cpSync(join(inject("packageDir"), name), join(dir, name), { recursive: true });
  rmSync(compiled, { recursive: true, force: true });
  return { dir, compiled };
}

/** What `codex-inbox <args>` printed. */
function run(dir: string, ...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [join(dir, "bin/codex-inbox.js"), ...args], {
    encoding: "utf8",
    cwd: dir,
  });
  return stdout + stderr;
}

/** The only file that is kept. */
function keptIn(compiled: string): string {
  const files = readdirSync(compiled, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files).toHaveLength(1);
  return files.map(({ parentPath, name }) => join(parentPath, name)).join();
}

it("what a command has run stays compiled beside the program, and damage to it is seen and mended", () => {
  const { dir, compiled } = installed();
  const said = run(dir, "--help");
  expect(said).toContain("usage: codex-inbox");
  const kept = keptIn(compiled);
  const whole = readFileSync(kept);
  for (const damage of [
    () => Buffer.from(whole.map((byte, index) => (index % 1_000 === 500 ? byte ^ 0xff : byte))),
    () => whole.subarray(0, whole.length / 2),
    () => Buffer.alloc(0),
  ]) {
    writeFileSync(kept, damage());
    expect(run(dir, "--help")).toBe(said);
    expect(readFileSync(keptIn(compiled)).length).toBeGreaterThan(whole.length / 2);
  }
  expect(run(dir, "--help")).toBe(said);
});

it("what was compiled of another program is not run, and a word that is no command keeps nothing", () => {
  const { dir, compiled } = installed();
  run(dir, "--version");
  const program = join(dir, "dist/program.cjs");
  // As long as before: V8 itself would take it for the same.
  const text = readFileSync(program, "latin1");
  writeFileSync(program, text.replace("usage: codex-inbox [-C", "USAGE: codex-inbox [-C"), "latin1");
  expect(run(dir, "--help")).toContain("USAGE: codex-inbox");
  const before = readdirSync(compiled, { recursive: true });
  expect(run(dir, "lss")).toContain("lss");
  expect(readdirSync(compiled, { recursive: true })).toEqual(before);
});

it("a package that nobody may write to runs all the same", () => {
  const { dir, compiled } = installed();
  mkdirSync(join(compiled, ".."), { recursive: true });
  writeFileSync(compiled, ""); // In the place of the folder: permissions stop no superuser.
  expect(run(dir, "--help")).toContain("usage: codex-inbox");
  expect(readFileSync(compiled, "utf8")).toBe("");
});
