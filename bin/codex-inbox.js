#!/usr/bin/env node
// The entry of the installed package. Plain JavaScript that every Node understands, so that an old one gets a sentence and not a
// syntax error, and a script, since a module takes 8 ms more to load. In a checkout Node itself runs the TypeScript below src/; below
// node_modules it refuses to, so a package brings dist/program.cjs, one bundle that is kept compiled beside it
// (docs/decisions/0069-kept-compiled.md).

const { dirname, join } = require("node:path");

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(
    `codex-inbox needs Node 22.22 or newer (24 is best); this is ${process.versions.node}. ${newerNode()}\n`,
  );
  process.exitCode = 69;
} else {
  becomeLean();
  if (__filename.includes("/node_modules/")) runKept(join(__dirname, "../dist/program.cjs"));
  else {
    // Beside the code, and not where Node puts it unless told: agents may write to the folder for temporary files, and what lies in
    // the cache is run.
    require("node:module").enableCompileCache(join(__dirname, "../node_modules/.cache/codex-inbox"));
    import("../src/cli.ts");
  }
}

function commandName() {
  const [first, , third] = process.argv.slice(2);
  return first === "-C" ? third : first;
}

// A coordinator runs for weeks, and what keeps Node small can only be said as it starts: so it starts once more, as the same process.
// That takes 40 ms and saves half of the memory (docs/decisions/0027-a-small-process.md). Who has said how to collect is not overruled.
function becomeLean() {
  const flags = ["--max-semi-space-size=2", "--heap-growing-percent=40", "--expose-gc"];
  const allocator = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "32768" };
  if (commandName() !== "serve" || process.execve === undefined) return;
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

/**
 * Runs the bundle `file`. The functions that a command has run stay compiled beside it for the next time, where that folder may be
 * written to: compiling them is a third of a short command. No agent may write there. V8 takes what it kept for whole and for of this
 * source, so both are told by checksums.
 */
function runKept(file) {
  const { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require("node:fs");
  const { crc32 } = require("node:zlib");
  const Module = require("node:module");
  const code = readFileSync(file);
  const version = [require("node:v8").cachedDataVersionTag(), crc32(code)]
    .map((number) => number.toString(16))
    .join("-");
  const name = commandName() ?? "help";
  const path = join(dirname(file), "compiled", version, /^[a-z][a-z-]{0,30}$/.test(name) ? name : "help");
  const kept = readKept();
  const wrapped = Module.wrap(code.toString("latin1"));
  const script = new (require("node:vm").Script)(wrapped, { filename: file, cachedData: kept });
  if (kept === undefined || script.cachedDataRejected) process.on("exit", keep);
  const program = { exports: {} };
  script.runInThisContext()(program.exports, Module.createRequire(file), program, file, dirname(file));

  function readKept() {
    try {
      const bytes = readFileSync(path);
      const data = bytes.subarray(4);
      return bytes.length > 4 && bytes.readUInt32LE() === crc32(data) ? data : undefined;
    } catch {
      return undefined; // Nothing was kept yet.
    }
  }

  function keep(exitCode) {
    if (exitCode === 2) return; // Perhaps there is no such command.
    const made = `${path}.${process.pid}`;
    try {
      const data = script.createCachedData();
      const sum = Buffer.alloc(4);
      sum.writeUInt32LE(crc32(data));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(made, Buffer.concat([sum, data]));
      renameSync(made, path);
    } catch {
      // A package that others have installed, or a full disk: it is compiled each time.
      rmSync(made, { force: true });
    }
  }
}

// A checkout brings its own Node, and so does a folder where the npm package "node" is installed beside this one.
function newerNode() {
  const own = ["../node_modules/.bin/node", "../../.bin/node"].map((path) => join(__dirname, path));
  const found = own.find((path) => require("node:fs").existsSync(path));
  if (found !== undefined) return `Write: ${found} ${__filename} <command>`;
  return "Put a newer one on the PATH: https://nodejs.org, or in a project of npm: npm install node@24, then npx codex-inbox <command>";
}
