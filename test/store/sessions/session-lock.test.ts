import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createSessionLocks, type SessionHolder } from "../../../src/store/sessions/session-lock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const FIRST: SessionHolder = { task: "20261120-141530-aaaaaa", run: 1, sessionKey: "docs" };
const SECOND: SessionHolder = { task: "20261120-141531-bbbbbb", run: 1, sessionKey: "docs" };

const live = (): boolean => true;
const ended = (): boolean => false;

it("gives a free session to the first run, and names it to the second", () => {
  const locks = createSessionLocks(tempDir());
  expect(locks.take(FIRST, live)).toBeUndefined();
  expect(locks.take(SECOND, live)).toEqual(FIRST);
});

it("gives a session that was released to the next run", () => {
  const locks = createSessionLocks(tempDir());
  locks.take(FIRST, live);
  locks.release(FIRST);
  expect(locks.take(SECOND, live)).toBeUndefined();
});

it("takes a session over from a run that has ended", () => {
  const locks = createSessionLocks(tempDir());
  locks.take(FIRST, live);
  expect(locks.take(SECOND, ended)).toBeUndefined();
  expect(locks.take(FIRST, live)).toEqual(SECOND);
});

it("asks only for the run that holds the session", () => {
  const locks = createSessionLocks(tempDir());
  const asked: SessionHolder[] = [];
  const remember = (holder: SessionHolder): boolean => asked.push(holder) > 0;
  locks.take(FIRST, remember);
  locks.take({ ...SECOND, sessionKey: "web" }, remember);
  locks.take(SECOND, remember);
  expect(asked).toEqual([FIRST]);
});

it("lets a run take its session again, alive or not", () => {
  const locks = createSessionLocks(tempDir());
  locks.take(FIRST, live);
  expect(locks.take(FIRST, live)).toBeUndefined();
  expect(locks.take(SECOND, live)).toEqual(FIRST);
});

it("does not let a run release what a later one holds", () => {
  const locks = createSessionLocks(tempDir());
  const later = { ...FIRST, run: 2 };
  locks.take(FIRST, live);
  locks.take(later, ended);
  locks.release(FIRST);
  expect(locks.take(SECOND, live)).toEqual(later);
});

it("releases what nobody holds without complaint", () => {
  expect(() => createSessionLocks(tempDir()).release(FIRST)).not.toThrow();
});

it("remembers the holder over a restart of the coordinator", () => {
  const dir = tempDir();
  createSessionLocks(dir).take(FIRST, live);
  expect(createSessionLocks(dir).take(SECOND, live)).toEqual(FIRST);
});

it("holds sessions apart whose keys differ in anything", () => {
  const dir = join(tempDir(), "made/when/missing");
  const keys = ["docs", "Docs", "docs/a", "docs.a", "a".repeat(64), `${"a".repeat(64)}/${"b".repeat(64)}`];
  const locks = createSessionLocks(dir);
  for (const sessionKey of keys) expect(locks.take({ ...FIRST, sessionKey }, live)).toBeUndefined();
  const next = createSessionLocks(dir);
  for (const sessionKey of keys)
    expect(next.take({ ...SECOND, sessionKey }, live), sessionKey).toEqual({ ...FIRST, sessionKey });
});

it.each(["", "{", "null", "[]", '{"task":1}'])("takes a session whose lock is damaged (%j)", (damage) => {
  const dir = tempDir();
  createSessionLocks(dir).take(FIRST, live);
  for (const name of readdirSync(dir)) writeFileSync(join(dir, name), damage);
  const locks = createSessionLocks(dir);
  expect(locks.take(SECOND, live)).toBeUndefined();
  expect(locks.take(FIRST, live)).toEqual(SECOND);
});

it("tidies up what a crash left, and keeps the locks", () => {
  const dir = tempDir();
  createSessionLocks(dir).take(FIRST, live);
  const [lock = ""] = readdirSync(dir);
  const text = readFileSync(join(dir, lock), "utf8");
  for (const name of [`${lock}.${FIRST.task}`, ".e0b5.tmp"]) writeFileSync(join(dir, name), text);
  const locks = createSessionLocks(dir);
  expect(readdirSync(dir)).toEqual([lock]);
  expect(locks.take(SECOND, live)).toEqual(FIRST);
});

it("a line that was cut short spoils no other", () => {
  const dir = tempDir();
  const locks = createSessionLocks(dir);
  locks.take({ ...FIRST, sessionKey: "web" }, live);
  for (const name of readdirSync(dir)) appendFileSync(join(dir, name), '\n{"sessionKey":"do');
  locks.take(FIRST, live);
  expect(createSessionLocks(dir).take(SECOND, live)).toEqual(FIRST);
});

it("its file is gone when nothing is held, and does not grow with the runs", () => {
  const dir = tempDir();
  const locks = createSessionLocks(dir);
  locks.take(FIRST, live);
  for (let run = 1; run <= 2_000; run += 1) {
    const holder = { ...SECOND, run, sessionKey: "web" };
    expect(locks.take(holder, live)).toBeUndefined();
    locks.release(holder);
  }
  const [file = ""] = readdirSync(dir);
  expect(statSync(join(dir, file)).size).toBeLessThan(100_000);
  expect(createSessionLocks(dir).take(SECOND, live)).toEqual(FIRST);
  locks.release(FIRST);
  expect(readdirSync(dir)).toEqual([]);
});

it("a file that a person has removed is made again, with what is held", () => {
  const dir = join(tempDir(), "locks");
  const locks = createSessionLocks(dir);
  locks.take(FIRST, live);
  rmSync(dir, { recursive: true });
  locks.take({ ...SECOND, sessionKey: "web" }, live);
  expect(createSessionLocks(dir).take(SECOND, live)).toEqual(FIRST);
});

it("never has two live holders, whatever order runs start, end, crash and ask in", () => {
  const base = tempDir();
  let round = 0;
  const tasks = [FIRST.task, SECOND.task, "20261120-141532-cccccc"];
  const step = fc.record({
    task: fc.constantFrom(...tasks),
    verb: fc.constantFrom("take", "release", "crash", "restart"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const dir = join(base, String(round));
      round += 1;
      let locks = createSessionLocks(dir);
      const running = new Set<string>();
      for (const { task, verb } of steps) {
        const holder = { ...FIRST, task };
        if (verb === "restart") locks = createSessionLocks(dir);
        if (verb === "crash") running.delete(task); // Ended without anybody releasing its lock.
        if (verb === "release" && running.delete(task)) locks.release(holder);
        if (verb === "take" && !running.has(task)) {
          const other = locks.take(holder, (asked) => running.has(asked.task));
          if (other === undefined) running.add(task);
          else expect(running).toEqual(new Set([other.task]));
        }
        expect(running.size).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 100 },
  );
});

it("gives back the sessions whose runs have ended, and no other", () => {
  const dir = tempDir();
  const locks = createSessionLocks(dir);
  const others = ["web", "api"].map((sessionKey) => ({ ...SECOND, sessionKey }));
  for (const holder of [FIRST, ...others]) locks.take(holder, live);
  locks.releaseEnded(({ sessionKey }) => sessionKey === "web");
  expect(locks.take(FIRST, live)).toBeUndefined();
  expect(locks.take({ ...FIRST, sessionKey: "web" }, live)).toEqual({ ...SECOND, sessionKey: "web" });
  expect(locks.take({ ...FIRST, sessionKey: "api" }, live)).toBeUndefined();
});

it("takes a session where a person has removed the folder of the locks", () => {
  const dir = join(tempDir(), "locks");
  const locks = createSessionLocks(dir);
  rmSync(dir, { recursive: true });
  expect(locks.take(FIRST, live)).toBeUndefined();
  expect(locks.take(SECOND, live)).toEqual(FIRST);
});
