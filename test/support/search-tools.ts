import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { findSearchTools, type SearchTool, type ToolPlaces } from "../../src/memory/search-tool.ts";

const PACKAGE_DIR = join(import.meta.dirname, "../..");

/** The best ripgrep there is, and grep. @throws Error where one of them is missing: then there is nothing to compare */
export function bothSearchTools(): readonly SearchTool[] {
  const tools = findSearchTools({ environment: process.env, packageDir: PACKAGE_DIR });
  return (["rg", "grep"] as const).map((name) => {
    const tool = tools.find((candidate) => candidate.name === name);
    if (tool === undefined) throw new Error(`there is no ${name} here`);
    return tool;
  });
}

/** Makes `dir` a folder where only this tool is found. */
export function placesOf(tool: SearchTool, dir: string): ToolPlaces {
  mkdirSync(dir, { recursive: true });
  symlinkSync(tool.path, join(dir, tool.name));
  return { environment: { PATH: dir }, packageDir: dir };
}
