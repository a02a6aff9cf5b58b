import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CONFIG_FILE } from "../../src/config/config-file.ts";
import { createUncommittedSettings } from "../../src/config/uncommitted-settings.ts";
import { tempDir } from "../support/temp-dir.ts";
import { tempWorkspace } from "../support/workspace.ts";

const SHAPES: readonly { readonly name: string; readonly make: (path: string) => void }[] = [
  { name: "a pipe", make: (path) => void spawnSync("mkfifo", [path]) },
  { name: "a link to /dev/zero", make: (path) => symlinkSync("/dev/zero", path) },
  { name: "a folder", make: (path) => mkdirSync(path) },
  { name: "a loop of links", make: (path) => symlinkSync(path, path) },
  { name: "a sparse file of 5 GB", make: sparse },
];

const WAITS = "codex-inbox.json in the work tree is not that of main: it counts once it is committed";

function sparse(path: string): void {
  writeFileSync(path, "");
  truncateSync(path, 5 * 1024 ** 3);
}

describe.each(SHAPES)("$name in place of codex-inbox.json", ({ make }) => {
  it("counts for nothing, and is told until the file of the branch lies there", () => {
    const dir = tempDir();
    const path = join(dir, CONFIG_FILE);
    const settings = createUncommittedSettings(dir, "main");
    writeFileSync(path, '{"maxWorkers": 7}\r\n');
    expect(settings.look('{"maxWorkers": 7}\n')).toBeUndefined();
    rmSync(path);
    make(path);
    expect(settings.look('{"maxWorkers": 7}\n')).toBe(WAITS);
    rmSync(path, { recursive: true });
    writeFileSync(path, '{"maxWorkers": 8}');
    expect(settings.look('{"maxWorkers": 7}\n')).toBe(WAITS);
    expect(settings.look('{"maxWorkers": 8}')).toBeUndefined();
    rmSync(path);
    expect(settings.look('{"maxWorkers": 8}')).toBe(WAITS);
    expect(settings.look(undefined)).toBeUndefined();
  });
});

it.each(SHAPES.slice(0, 2))(
  "$name in place of codex-inbox.json hinders neither a start nor another command",
  async ({ make }) => {
    const workspace = await tempWorkspace();
    make(join(workspace.dir, CONFIG_FILE));
    const added = await workspace.command("add", "Say hello.");
    const coordinator = await workspace.serveUntilIdle();
    expect([added.code, (await workspace.command("ls")).code]).toEqual([0, 0]);
    expect(coordinator.lines("settings-uncommitted")).toHaveLength(1);
    expect((await workspace.command("status")).stdout).toContain(WAITS);
  },
  20_000,
);
