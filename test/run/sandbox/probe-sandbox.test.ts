import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SandboxPort } from "../../../src/run/ports.ts";
import { createSandboxProbe } from "../../../src/run/sandbox/probe-sandbox.ts";
import { WITHOUT_NAMESPACES, wrappedCodex } from "../../support/broken-codex.ts";
import { realCodex } from "../../support/real-codex.ts";
import { tempDir } from "../../support/temp-dir.ts";

function probeOf(codexPath: string, environment: Readonly<Record<string, string>>): SandboxPort & { dir: string } {
  const dir = tempDir();
  const paths = { scratchDir: join(dir, "probe"), keptPath: join(dir, "sandbox.json") };
  return { ...createSandboxProbe({ codexPath: () => codexPath, environment, ...paths }), dir };
}

/** A program that passes for codex's sandbox. */
function fake(script: string): string {
  const path = join(tempDir(), "codex");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const EVERYTHING = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"';
const environment = { PATH: process.env.PATH ?? "" };

describe("trying the sandbox of the real codex", () => {
  it("finds that it works, leaves nothing behind, and remembers it for as long as codex stays the same", async () => {
    const codex = await realCodex();
    const path = wrappedCodex(codex, `echo tried >> ${codex.home}/tried`);
    const probe = probeOf(path, codex.environment);
    const tries = (): number => readFileSync(join(codex.home, "tried"), "utf8").split("tried").length - 1;
    expect(await probe.probe({ isDoubted: false })).toBeUndefined();
    expect(readdirSync(probe.dir)).toEqual(["sandbox.json"]);
    expect(await probe.probe({ isDoubted: false })).toBeUndefined();
    expect(tries()).toBe(1);
    expect(await probe.probe({ isDoubted: true })).toBeUndefined();
    expect(tries()).toBe(2);
    const before = probe.stamp();
    wrappedCodex(codex, `echo tried again >> ${codex.home}/tried`);
    expect(probe.stamp()).not.toBe(before);
    expect(await probe.probe({ isDoubted: false })).toBeUndefined();
    expect(tries()).toBe(3);
  });

  it("is not misled by a configuration of its owner that codex cannot read", async () => {
    const codex = await realCodex();
    writeFileSync(join(codex.home, "config.toml"), "[[[\n");
    expect(await probeOf(codex.codexPath, codex.environment).probe({ isDoubted: false })).toBeUndefined();
  });

  it("says what is missing where it cannot be set up, and what helps", async () => {
    const codex = await realCodex();
    const probe = probeOf(wrappedCodex(codex, WITHOUT_NAMESPACES), codex.environment);
    const problem = await probe.probe({ isDoubted: false });
    expect(problem).toMatch(
      /^codex's sandbox does not work \(bwrap: .*namespace.*\): let unprivileged users make user/,
    );
    expect(existsSync(join(probe.dir, "sandbox.json"))).toBe(false);
  });
});

describe("trying a sandbox", () => {
  it("finds one that denies nothing: a codex that does not know permission profiles", async () => {
    const problem = await probeOf(fake(EVERYTHING), environment).probe({ isDoubted: false });
    expect(problem).toMatch(/does not keep a command from what it is denied \(it read and wrote it\): install a newer/);
  });

  it.each([
    { name: "is doubted", script: "echo 'codex-inbox: the sandbox works'", says: undefined },
    { name: "cannot be run, which is not its own fault", script: "exit 127", says: undefined },
    { name: "ends without a word", script: "exit 3", says: /does not work \(exit code 3.*\): `codex sandbox/ },
    {
      name: "needs a program",
      script: "echo 'Codex could not find bubblewrap on PATH.' >&2; exit 1",
      says: /install bubblewrap/,
    },
  ])("tells of one that $name", async ({ script, says }) => {
    const problem = await probeOf(fake(script), environment).probe({ isDoubted: true });
    if (says === undefined) expect(problem).toBeUndefined();
    else expect(problem).toMatch(says);
  });
});

it("makes nothing in the place of our own folder while that is away", async () => {
  const dir = join(tempDir(), "state");
  const paths = { scratchDir: join(dir, "probe"), keptPath: join(dir, "sandbox.json") };
  const away = createSandboxProbe({ codexPath: () => fake(EVERYTHING), environment, ...paths });
  await expect(away.probe({ isDoubted: false })).rejects.toThrow("ENOENT");
  expect(existsSync(dir)).toBe(false);
  mkdirSync(dir);
  const moved = createSandboxProbe({ codexPath: () => fake(`rm -r ${dir}`), environment, ...paths });
  await moved.probe({ isDoubted: false });
  expect(existsSync(dir)).toBe(false);
});
