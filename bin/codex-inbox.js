#!/usr/bin/env node
// The entry of the installed package. Plain JavaScript that every Node understands, so that an old one gets a sentence and not a
// syntax error. Node 22.18 and 24 run the TypeScript below src/ themselves.
import module from "node:module";
import process from "node:process";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(`codex-inbox needs Node 22.22 or newer (24 is best); this is ${process.versions.node}.\n`);
  process.exitCode = 69;
} else {
  module.enableCompileCache?.();
  await import("../src/cli.ts");
}
