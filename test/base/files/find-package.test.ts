import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findPackage } from "../../../src/base/files/find-package.ts";
import { tempDir } from "../../support/temp-dir.ts";

function put(dir: string): string {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "package.json"), "{}");
  return dir;
}

describe("findPackage", () => {
  it("finds what was installed with us: below us, or beside us", () => {
    const dir = tempDir();
    const below = put(join(dir, "own/node_modules/@scope/tool"));
    expect(findPackage(join(dir, "own"), "@scope/tool")).toBe(below);
    const beside = put(join(dir, "app/node_modules/tool"));
    expect(findPackage(join(dir, "app/node_modules/codex-inbox"), "tool")).toBe(beside);
    expect(findPackage(join(dir, "app/node_modules/@scope/codex-inbox"), "tool")).toBe(beside);
  });

  it("does not find what happens to be in a parent folder, nor a folder that is no package", () => {
    const dir = tempDir();
    put(join(dir, "node_modules/tool"));
    mkdirSync(join(dir, "own/node_modules/tool"), { recursive: true });
    expect(findPackage(join(dir, "own"), "tool")).toBeUndefined();
  });
});
