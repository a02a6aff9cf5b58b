import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { tempDir } from "./support/temp-dir.ts";

const ENTRY = join(import.meta.dirname, "../bin/codex-inbox.js");
const OLD_NODE = "Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.19.0'}})";

/** What the entry says in a folder of its own, on a Node that calls itself 20.19.0. */
function saidByOldNode(folder: string): { status: number | null; stderr: string } {
  const entry = join(folder, "bin/codex-inbox.js");
  mkdirSync(dirname(entry), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  for (const name of ["codex-inbox.js", "package.json"])
    copyFileSync(join(dirname(ENTRY), name), join(dirname(entry), name));
  const args = ["--import", `data:text/javascript,${OLD_NODE}`, entry, "ls"];
  return spawnSync(process.execPath, args, { encoding: "utf8" });
}

function addNode(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  return path;
}

const NEEDS = "codex-inbox needs Node 22.22 or newer (24 is best); this is 20.19.0. ";

it.each([
  ["of a checkout", "codex-inbox", "codex-inbox/node_modules/.bin/node"],
  ["beside an installed package", "node_modules/codex-inbox", "node_modules/.bin/node"],
])("an old Node is told the newer one %s", (_, at, nodePath) => {
  const base = tempDir();
  const node = addNode(join(base, nodePath));
  const { status, stderr } = saidByOldNode(join(base, at));
  expect(stderr).toBe(`${NEEDS}Write: ${node} ${join(base, at, "bin/codex-inbox.js")} <command>\n`);
  expect(status).toBe(69);
});

it("an old Node is told where a newer one comes from, where there is none", () => {
  const { status, stderr } = saidByOldNode(join(tempDir(), "node_modules/codex-inbox"));
  expect(stderr.startsWith(`${NEEDS}Put a newer one on the PATH: https://nodejs.org`)).toBe(true);
  expect(status).toBe(69);
});
