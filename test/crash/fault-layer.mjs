/**
 * Loaded before the coordinator (`node --import`), in the torture run alone: stands between it and the file system, and lets happen there
 * what a machine does. It is told by the file $TORTURE_FAULTS (JSON), which may change at any time:
 *
 *   clockMs   is added to what the clock says           rules     [{ops, where, code, share}]: calls that fail
 *   endAtOp   ends as a fault point does at the n-th change of a file below .git
 *
 * SIGUSR2 cuts the power. What a fault point does (src/base/fault-point.ts) is said by $TORTURE_ACTION: kill, stop (SIGSTOP) or power: the journals lose what was
 * not synced, as they would with the power, and then it dies. $TORTURE_WITHOUT=journal-fsync: no sync of a journal does anything.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { TORTURE_FAULTS: controlPath, TORTURE_ACTION: action = "kill", TORTURE_WITHOUT: without } = process.env;
for (const name of ["TORTURE_FAULTS", "TORTURE_ACTION", "TORTURE_WITHOUT"]) delete process.env[name];

const original = { ...fs };
const promised = { ...fs.promises };
const now = Date.now.bind(Date);
const kill = process.kill.bind(process);
const LOOK_MS = 2;

let [control, seen, lookedMs, ops, drawn] = [{}, "", 0, 0, 1];

function look() {
  const atMs = performance.now();
  if (atMs - lookedMs < LOOK_MS) return control;
  lookedMs = atMs;
  try {
    const { mtimeMs, ino } = original.statSync(controlPath);
    if (seen === `${mtimeMs} ${ino}`) return control;
    control = JSON.parse(original.readFileSync(controlPath, "utf8"));
    seen = `${mtimeMs} ${ino}`;
  } catch {
    // Being replaced: what was known holds.
  }
  return control;
}

/** Draws from a sequence of its own, so that a rule with a share fails here and there. */
function next() {
  drawn = (Math.imul(drawn, 48_271) + 11) >>> 0;
  return (drawn % 1_000) / 1_000;
}

function before(op, path, isChange) {
  const { rules = [], endAtOp } = look();
  const text = String(path ?? "");
  if (isChange && text.includes(".git")) ops += 1;
  if (ops === endAtOp) end();
  for (const { where, code, share } of rules) {
    if (!text.includes(where) || next() >= share || !fits(op, code, isChange)) continue;
    throw Object.assign(new Error(`${code}: ${op} '${text}', as the torture run has asked for`), {
      code,
      syscall: op,
      path: text,
    });
  }
}

/** A full disk fails what writes, too many descriptors fail what opens. */
function fits(op, code, isChange) {
  if (code === "EMFILE") return /open/i.test(op);
  if (code === "EIO") return isChange || /sync/i.test(op);
  return isChange;
}

/** Paths of descriptors, and of each journal how much of it is on the disk. */
const paths = new Map();
const journals = new Map();
const isJournal = (path) =>
  typeof path === "string" && path.includes("/codex-inbox/journal/") && !path.includes(".tmp");

function opened(descriptor, path) {
  paths.set(descriptor, String(path));
  return descriptor;
}

function written(path, sizeBefore) {
  if (isJournal(path) && !journals.has(path)) journals.set(path, sizeBefore);
}

function synced(path, size) {
  if (isJournal(path) && without !== "journal-fsync") journals.set(path, size);
}

function cutPower() {
  for (const [path, size] of journals) {
    const stats = original.statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || stats.size <= size) continue;
    original.appendFileSync(`${controlPath}.lost`, `${path} ${stats.size} ${size}\n`);
    original.truncateSync(path, size);
  }
}

function isWriting(flags) {
  return typeof flags === "number" ? (flags & 3) !== 0 : typeof flags === "string" && flags !== "r";
}

function sizeOf(path) {
  return original.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

fs.openSync = (path, flags, ...rest) => {
  before("open", path, isWriting(flags));
  return opened(original.openSync(path, flags, ...rest), path);
};
fs.closeSync = (descriptor) => {
  paths.delete(descriptor);
  return original.closeSync(descriptor);
};
fs.writeSync = (descriptor, ...rest) => {
  const path = paths.get(descriptor);
  before("write", path, true);
  if (isJournal(path)) written(path, original.fstatSync(descriptor).size);
  return original.writeSync(descriptor, ...rest);
};
for (const name of ["writeFileSync", "appendFileSync"])
  fs[name] = (path, data, options) => {
    const to = typeof path === "number" ? paths.get(path) : path;
    before("write", to, true);
    if (isJournal(to)) written(to, sizeOf(to));
    const result = original[name](path, data, options);
    if (options?.flush === true) synced(to, sizeOf(to));
    return result;
  };
fs.renameSync = (from, to) => {
  before("rename", to, true);
  original.renameSync(from, to);
  const size = journals.get(from);
  journals.delete(from);
  journals.delete(to);
  if (size !== undefined && isJournal(to)) journals.set(to, size);
};
for (const name of ["linkSync", "mkdirSync"])
  fs[name] = (path, ...rest) => {
    before(name.slice(0, -4), name === "linkSync" ? rest[0] : path, true);
    return original[name](path, ...rest);
  };
for (const name of ["rmSync", "unlinkSync"])
  fs[name] = (path, ...rest) => {
    before("unlink", path, false);
    const result = original[name](path, ...rest);
    journals.delete(path);
    return result;
  };
for (const name of ["fsyncSync", "fdatasyncSync"])
  fs[name] = (descriptor) => {
    const path = paths.get(descriptor);
    before("sync", path, false);
    original[name](descriptor);
    if (isJournal(path)) synced(path, original.fstatSync(descriptor).size);
  };
for (const name of ["fsync", "fdatasync"])
  fs[name] = (descriptor, done) => {
    const path = paths.get(descriptor);
    try {
      before("sync", path, false);
    } catch (error) {
      process.nextTick(done, error);
      return;
    }
    const size = isJournal(path) ? original.fstatSync(descriptor).size : 0;
    original[name](descriptor, (error) => {
      if (!error) synced(path, size);
      done(error);
    });
  };
fs.open = (path, flags, ...rest) => {
  const done = rest.at(-1);
  try {
    before("open", path, isWriting(flags));
  } catch (error) {
    process.nextTick(done, error);
    return;
  }
  original.open(path, flags, ...rest.slice(0, -1), (error, descriptor) =>
    done(error, error ? undefined : opened(descriptor, path)),
  );
};
fs.close = (descriptor, ...rest) => {
  paths.delete(descriptor);
  return original.close(descriptor, ...rest);
};
for (const [name, at] of Object.entries({ open: 0, writeFile: 0, appendFile: 0, rename: 1, link: 1, mkdir: 0 }))
  fs.promises[name] = async (...all) => {
    before(name, all[at], name !== "open" || isWriting(all[1]));
    return promised[name](...all);
  };
syncBuiltinESMExports();

function end() {
  if (action === "power") cutPower();
  return kill(process.pid, action === "stop" ? "SIGSTOP" : "SIGKILL");
}

process.kill = (pid, signal) => (pid === process.pid && signal === "SIGKILL" ? end() : kill(pid, signal));
process.on("SIGUSR2", () => {
  cutPower();
  kill(process.pid, "SIGKILL");
});

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...all) {
    if (all.length === 0) super(RealDate.now() + (look().clockMs ?? 0));
    else super(...all);
  }
  static now() {
    return now() + (look().clockMs ?? 0);
  }
};
