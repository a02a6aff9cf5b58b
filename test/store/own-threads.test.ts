import { appendFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openOwnThreads } from "../../src/store/own-threads.ts";
import { tempDir } from "../support/temp-dir.ts";

const FIRST = "01a1f950-5f71-7472-a9b5-7a2032cb912c";
const SECOND = "01a1f950-5f72-7472-a9b5-7a2032cb912d";
const LATER = "01a1fa50-5f72-7472-a9b5-7a2032cb912d";

it("has what was added, here and after a restart, and nothing else", () => {
  const dir = join(tempDir(), "made/when/missing");
  const threads = openOwnThreads(dir);
  expect(threads.has(FIRST)).toBe(false);
  for (const thread of [FIRST, LATER]) threads.add(thread);
  for (const reader of [threads, openOwnThreads(dir)])
    expect([FIRST, SECOND, LATER].map(reader.has)).toEqual([true, false, true]);
});

it("threads that were begun one after the other share a file", () => {
  const dir = tempDir();
  const threads = openOwnThreads(dir);
  for (const thread of [FIRST, SECOND]) threads.add(thread);
  expect(readdirSync(dir)).toHaveLength(1);
  expect([FIRST, SECOND].map(threads.has)).toEqual([true, true]);
});

it("a line that was cut short is no thread, and spoils no other", () => {
  const dir = tempDir();
  const threads = openOwnThreads(dir);
  threads.add(FIRST);
  const [file = ""] = readdirSync(dir);
  appendFileSync(join(dir, file), `\n${SECOND.slice(0, -1)}`);
  threads.add(FIRST);
  expect([FIRST, SECOND, SECOND.slice(0, -1)].map(threads.has)).toEqual([true, false, false]);
});

it.each(["", "../../x", "01A1F950-5F71-7472-A9B5-7A2032CB912C", `${FIRST}\n${SECOND}`])("%j is no thread", (thread) => {
  const dir = tempDir();
  const threads = openOwnThreads(dir);
  threads.add(thread);
  expect([threads.has(thread), readdirSync(dir)]).toEqual([false, []]);
});

it("a folder that a person has removed is made again", () => {
  const dir = join(tempDir(), "own");
  const threads = openOwnThreads(dir);
  threads.add(FIRST);
  rmSync(dir, { recursive: true });
  threads.add(SECOND);
  expect([FIRST, SECOND].map(threads.has)).toEqual([false, true]);
});
