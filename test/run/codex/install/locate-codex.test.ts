import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { locateCodex } from "../../../../src/run/codex/install/locate-codex.ts";
import { STUB_PATH } from "../../../support/test-runner.ts";

const PACKAGE_DIR = join(import.meta.dirname, "../../../..");
const NATIVE = /\/node_modules\/@openai\/codex-[a-z0-9-]+\/vendor\/[^/]+\/bin\/codex$/;
const WRAPPER = join(PACKAGE_DIR, "node_modules/@openai/codex/bin/codex.js");

describe("finding codex", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "locate-codex-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  });
  /** Makes an executable that prints `version` when it is asked for it. */
  function program(path: string, version: string, mode = 0o755): string {
    const absolute = join(folder, path);
    mkdirSync(dirname(absolute), { recursive: true });
    writeFileSync(absolute, `#!/bin/sh\necho "${version}"\n`);
    chmodSync(absolute, mode);
    return absolute;
  }
  function environment(...searchPath: readonly string[]): Readonly<Record<string, string>> {
    return { PATH: [...searchPath, "/usr/bin", "/bin"].join(":"), HOME: folder };
  }

  it("takes the flag first, then the variable, then the PATH, then the package beside us", async () => {
    const [flag, variable, onPath] = [
      ...[
        program("flag/codex", "codex-cli 1.0.1"),
        program("variable/codex", "codex-cli 1.0.2"),
        program("path/codex", "codex-cli 1.0.3"),
      ],
    ];
    const onPathOnly = environment(dirname(onPath ?? ""));
    const both = { ...onPathOnly, CODEX_INBOX_CODEX: variable ?? "" };
    const packageDir = PACKAGE_DIR;
    expect(await locateCodex({ flag: flag ?? "", environment: both, packageDir })).toEqual({
      path: flag,
      version: "1.0.1",
      foundBy: "flag",
    });
    expect(await locateCodex({ environment: both, packageDir })).toEqual({
      path: variable,
      version: "1.0.2",
      foundBy: "environment",
    });
    expect(await locateCodex({ environment: onPathOnly, packageDir })).toEqual({
      path: onPath,
      version: "1.0.3",
      foundBy: "path",
    });
    const beside = await locateCodex({ environment: environment(), packageDir });
    expect(beside).toMatchObject({ path: expect.stringMatching(NATIVE), foundBy: "package" });
  });

  it("takes what the policy says before the PATH, and after flag and variable", async () => {
    const policy = program("policy/codex", "codex-cli 1.0.4");
    const onPath = program("path/codex", "codex-cli 1.0.3");
    const packageDir = PACKAGE_DIR;
    const fromPath = environment(dirname(onPath));
    expect(await locateCodex({ policy, environment: fromPath, packageDir })).toEqual({
      ...{ path: policy, version: "1.0.4", foundBy: "policy" },
    });
    const named = { ...fromPath, CODEX_INBOX_CODEX: onPath };
    expect(await locateCodex({ policy, environment: named, packageDir })).toMatchObject({ foundBy: "environment" });
  });

  it("finds a flag without a slash on the PATH", async () => {
    const path = program("bin/codex-beta", "codex-cli 0.170.0-alpha.3");
    const found = await locateCodex({
      flag: "codex-beta",
      environment: environment(dirname(path)),
      packageDir: folder,
    });
    expect(found).toEqual({ path, version: "0.170.0-alpha.3", foundBy: "flag" });
  });

  it("passes over what cannot be run on the PATH for what can", async () => {
    const dead = program("dead/codex", "", 0o644);
    const path = program("live/codex", "codex-cli 0.163.0");
    const found = await locateCodex({ environment: environment(dirname(dead), dirname(path)), packageDir: folder });
    expect(found.path).toBe(path);
  });

  it("resolves the wrapper of npm, and the script of pnpm, to the native binary", async () => {
    const link = join(folder, "codex");
    symlinkSync(WRAPPER, link);
    expect((await locateCodex({ flag: link, environment: environment(), packageDir: folder })).path).toMatch(NATIVE);
    const script = join(folder, "pnpm-codex");
    symlinkSync(join(PACKAGE_DIR, "node_modules/@openai"), join(folder, "@openai"));
    writeFileSync(
      script,
      '#!/bin/sh\nbasedir=$(dirname "$0")\nexec node  "$basedir/@openai/codex/bin/codex.js" "$@"\n',
    );
    chmodSync(script, 0o755);
    expect((await locateCodex({ flag: script, environment: environment(), packageDir: folder })).path).toMatch(NATIVE);
  });

  it("takes another executable as it is", async () => {
    const found = await locateCodex({ flag: STUB_PATH, environment: { PATH: process.env.PATH }, packageDir: folder });
    expect(found).toEqual({ path: STUB_PATH, version: "0.169.0", foundBy: "flag" });
  });

  it("says what is missing from an npm package without its platform", async () => {
    mkdirSync(join(folder, "lib/@openai/codex/bin"), { recursive: true });
    writeFileSync(join(folder, "lib/@openai/codex/package.json"), '{"name":"@openai/codex"}');
    const flag = program("lib/@openai/codex/bin/codex.js", "codex-cli 0.169.0");
    await expect(locateCodex({ flag, environment: environment(), packageDir: folder })).rejects.toThrow(
      /missing: install it again/,
    );
  });

  it.each<{
    name: string;
    make: () => { readonly flag?: string; readonly environment: NodeJS.ProcessEnv };
    message: RegExp;
  }>([
    {
      name: "where it looked when there is none",
      make: () => ({ environment: environment(join(folder, "empty")) }),
      message:
        /^codex not found: looked at --codex, CODEX_INBOX_CODEX, the policy, PATH \(.*empty:.*npm install -g @openai\/codex/,
    },
    {
      name: "that the flag names nothing",
      make: () => ({ flag: "./nothing", environment: environment() }),
      message: /--codex names \.\/nothing/,
    },
    {
      name: "that the variable names nothing",
      make: () => ({ environment: { ...environment(), CODEX_INBOX_CODEX: "nothing" } }),
      message: /CODEX_INBOX_CODEX names nothing/,
    },
    {
      name: "that it is a folder",
      make: () => ({ flag: folder, environment: environment() }),
      message: /is not a file/,
    },
    {
      name: "that it is not executable",
      make: () => ({ flag: program("c", "", 0o644), environment: environment() }),
      message: /not executable \(chmod \+x/,
    },
    {
      name: "that it is too old",
      make: () => ({ flag: program("old", "codex-cli 0.162.9"), environment: environment() }),
      message: /^codex is too old: found 0\.162\.9 at .*old; need 0\.163\.0 or newer: npm install -g @openai\/codex$/,
    },
    {
      name: "that it is something else",
      make: () => ({ flag: "/bin/true", environment: environment() }),
      message: /does not look like codex/,
    },
    {
      name: "that it fails",
      make: () => ({ flag: "/bin/false", environment: environment() }),
      message: /cannot run \/.*false --version/,
    },
  ])("says $name", async ({ make, message }) => {
    const found = locateCodex({ ...make(), packageDir: folder });
    await expect(found).rejects.toMatchObject({ code: "CODEX", message: expect.stringMatching(message) });
  });
});
