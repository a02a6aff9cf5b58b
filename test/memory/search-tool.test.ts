import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findSearchTools } from "../../src/memory/search-tool.ts";
import { tempDir } from "../support/temp-dir.ts";

function put(path: string, mode = 0o755): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, mode);
  return path;
}

function found(dir: string, folders: readonly string[]): readonly (readonly [string, string])[] {
  const PATH = folders.map((folder) => (folder === "" ? "" : join(dir, folder))).join(":");
  return findSearchTools({ environment: { PATH }, packageDir: join(dir, "package") }).map(({ name, path }) => [
    name,
    path,
  ]);
}

describe("findSearchTools", () => {
  it("prefers the ripgrep of the PATH, then the packaged one, then grep", () => {
    const dir = tempDir();
    const grep = put(join(dir, "bin/grep"));
    const folder = join(dir, `package/node_modules/@vscode/ripgrep-${process.platform}-${process.arch}`);
    expect(found(dir, ["bin"])).toEqual([["grep", grep]]);
    put(join(folder, "package.json"));
    const packaged = put(join(folder, "bin/rg"));
    expect(found(dir, ["bin"])).toEqual([
      ["rg", packaged],
      ["grep", grep],
    ]);
    const rg = put(join(dir, "late/rg"));
    expect(found(dir, ["bin", "", "late"])).toEqual([
      ["rg", rg],
      ["rg", packaged],
      ["grep", grep],
    ]);
  });

  it("takes the first that can be run, and no folder for a program", () => {
    const dir = tempDir();
    mkdirSync(join(dir, "one/rg"), { recursive: true });
    put(join(dir, "two/rg"), 0o644);
    const rg = put(join(dir, "three/rg"));
    put(join(dir, "four/rg"));
    expect(found(dir, ["one", "two", "three", "four"])).toEqual([["rg", rg]]);
  });

  it("finds nothing where there is nothing", () => {
    expect(findSearchTools({ environment: {}, packageDir: tempDir() })).toEqual([]);
  });
});
