#!/usr/bin/env node
// The entry of the installed package. Plain JavaScript that every Node understands, so that an old one gets a sentence and not a
// syntax error. In a checkout Node itself runs the TypeScript below src/; below node_modules it refuses to, so a package brings dist/,
// one bundle with a part for each thing that is loaded by itself, and one without parts for serve, which needs most of them. It imports
// nothing and uses the global process: an import of node:process reads each of its exports and so opens the three streams
// (docs/decisions/0067-modules-of-node-by-a-call.md).

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(
    `codex-inbox needs Node 22.22 or newer (24 is best); this is ${process.versions.node}. ${await newerNode()}\n`,
  );
  process.exitCode = 69;
} else {
  becomeLean();
  if (import.meta.url.includes("/node_modules/")) {
    if (isServe()) process.getBuiltinModule("node:module").createRequire(import.meta.url)("../dist/serve.cjs");
    else await import("../dist/cli.js");
  } else {
    // Beside the code, and not where Node puts it unless told: agents may write to the folder for temporary files, and what lies in
    // the cache is run. The bundle of a package is as fast without one.
    const { fileURLToPath } = process.getBuiltinModule("node:url");
    const cache = fileURLToPath(new URL("../node_modules/.cache/codex-inbox", import.meta.url));
    process.getBuiltinModule("node:module").enableCompileCache?.(cache);
    await import("../src/cli.ts");
  }
}

function isServe() {
  const [first, , third] = process.argv.slice(2);
  return (first === "-C" ? third : first) === "serve";
}

// A coordinator runs for weeks, and what keeps Node small can only be said as it starts: so it starts once more, as the same process.
// That takes 40 ms and saves half of the memory (docs/decisions/0027-a-small-process.md). Who has said how to collect is not overruled.
function becomeLean() {
  const flags = ["--max-semi-space-size=2", "--heap-growing-percent=40", "--expose-gc"];
  const allocator = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "32768" };
  if (!isServe() || process.execve === undefined) return;
  if (!process.execArgv.some((flag) => flag === "--expose-gc" || flag === "--single-threaded-gc")) {
    const command = [process.execPath, ...process.execArgv, ...flags, ...process.argv.slice(1)];
    try {
      process.execve(process.execPath, command, { ...allocator, ...process.env });
    } catch {
      // Where the system does not let it, the coordinator is larger, and right all the same.
    }
  }
  // They are for this process; git and the agents get theirs from whoever started us.
  for (const [name, value] of Object.entries(allocator)) if (process.env[name] === value) delete process.env[name];
}

// A checkout brings its own Node, and so does a folder where the npm package "node" is installed beside this one.
async function newerNode() {
  const [{ existsSync }, { fileURLToPath }] = await Promise.all([import("node:fs"), import("node:url")]);
  const entry = fileURLToPath(import.meta.url);
  const own = ["../node_modules/.bin/node", "../../.bin/node"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = own.find((path) => existsSync(path));
  if (found !== undefined) return `Write: ${found} ${entry} <command>`;
  return "Put a newer one on the PATH: https://nodejs.org, or in a project of npm: npm install node@24, then npx codex-inbox <command>";
}
