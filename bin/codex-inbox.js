#!/usr/bin/env node
// The entry of the installed package. Plain JavaScript that every Node understands, so that an old one gets a sentence and not a
// syntax error. In a checkout Node itself runs the TypeScript below src/; below node_modules it refuses to, so a package brings dist/.
import module from "node:module";
import process from "node:process";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(`codex-inbox needs Node 22.22 or newer (24 is best); this is ${process.versions.node}.\n`);
  process.exitCode = 69;
} else {
  module.enableCompileCache?.();
  await import(import.meta.url.includes("/node_modules/") ? "../dist/cli.js" : "../src/cli.ts");
}
