import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CONFIG_FILE } from "../../src/config/config.ts";
import { createLiveConfig } from "../../src/config/live-config.ts";
import { tempDir } from "../support/temp-dir.ts";
import { tempWorkspace } from "../support/workspace.ts";

const SHAPES: readonly { readonly name: string; readonly make: (path: string) => void; readonly says: string }[] = [
  { name: "a pipe", make: (path) => void spawnSync("mkfifo", [path]), says: " is a device, a pipe or a socket" },
  { name: "a link to /dev/zero", make: (path) => symlinkSync("/dev/zero", path), says: " is a device, a pipe or a" },
  { name: "a folder", make: (path) => mkdirSync(path), says: " is a folder, not a plain file; remove it" },
  { name: "a loop of links", make: (path) => symlinkSync(path, path), says: " cannot be read (ELOOP)" },
  { name: "a sparse file of 5 GB", make: sparse, says: " has 5368709120 bytes; at most 262144 are read" },
];

function sparse(path: string): void {
  writeFileSync(path, "");
  truncateSync(path, 5 * 1024 ** 3);
}

describe.each(SHAPES)("$name in place of codex-inbox.json", ({ make, says }) => {
  it("keeps the last good settings while serving, says so, and goes by the next good ones", () => {
    const dir = tempDir();
    const path = join(dir, CONFIG_FILE);
    writeFileSync(path, '{"maxWorkers": 7}');
    const config = createLiveConfig(dir, {}, {});
    rmSync(path);
    make(path);
    expect(config.reload()).toContain(`${path}${says}`);
    expect(config.current().maxWorkers).toBe(7);
    rmSync(path, { recursive: true });
    writeFileSync(path, '{"maxWorkers": 8}');
    expect(config.reload()).toBeUndefined();
    expect(config.current().maxWorkers).toBe(8);
  });
});

it.each(SHAPES.slice(0, 2))(
  "$name in place of codex-inbox.json ends a start with 78 and hinders no other command",
  async ({ make, says }) => {
    const workspace = await tempWorkspace();
    const path = join(workspace.dir, CONFIG_FILE);
    make(path);
    const ended = await Promise.all([
      workspace.command("serve"),
      workspace.command("add", "Say hello."),
      workspace.command("ls"),
      workspace.command("status"),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([78, 0, 0, 0]);
    expect(ended[0]?.stderr).toContain(`codex-inbox: ${path}${says}`);
  },
  20_000,
);
