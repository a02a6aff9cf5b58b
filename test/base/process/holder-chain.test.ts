import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type ChainEntry, lastEntry, replaceEntry } from "../../../src/base/process/holder-chain.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NAME = "lock";

function add(dir: string, last: ChainEntry | undefined, text: string): ChainEntry {
  const entry = replaceEntry(dir, NAME, last, text);
  if (entry === undefined) throw new Error(`${text} was not taken`);
  return entry;
}

it("begins empty, and then names whoever came last", () => {
  const dir = tempDir();
  expect(lastEntry(dir, NAME)).toBeUndefined();
  const first = add(dir, undefined, "first");
  const second = add(dir, first, "second");
  expect(lastEntry(dir, NAME)).toEqual(second);
  expect(readdirSync(dir)).toEqual(["lock.holder-1.json"]);
});

it("lets one of two in who saw the same holder", () => {
  const dir = tempDir();
  const seen = add(dir, undefined, "dead");
  const winner = add(dir, seen, "winner");
  expect(replaceEntry(dir, NAME, seen, "loser")).toBeUndefined();
  expect(lastEntry(dir, NAME)).toEqual(winner);
});

it.each([2, 3, 4, 5])("refuses one that slept through %i holders", (holders) => {
  const dir = tempDir();
  const seenLongAgo = add(dir, undefined, "0");
  let last = seenLongAgo;
  for (let n = 1; n < holders; n += 1) last = add(dir, last, String(n));
  expect(replaceEntry(dir, NAME, seenLongAgo, "late")).toBeUndefined();
  expect(replaceEntry(dir, NAME, undefined, "later")).toBeUndefined();
  expect(lastEntry(dir, NAME)).toEqual(last);
  expect(readdirSync(dir)).toEqual([`lock.holder-${last.n}.json`]);
});

it("is not misled by what another late one is just making in vain", () => {
  const dir = tempDir();
  const first = add(dir, undefined, "first");
  const second = add(dir, first, "second");
  const third = add(dir, second, "third");
  writeFileSync(join(dir, "lock.holder-0.json"), "late one, before it looks again");
  expect(replaceEntry(dir, NAME, first, "another late one")).toBeUndefined();
  expect(lastEntry(dir, NAME)).toEqual(third);
});

it("tidies up what a killed process left, and nothing else", () => {
  const dir = tempDir();
  for (const file of [".lock.holder.17-left", "lock.holder-x.json", "other.holder-3.json", "tasks"])
    writeFileSync(join(dir, file), "");
  add(dir, undefined, "first");
  expect(readdirSync(dir).sort()).toEqual(["lock.holder-0.json", "lock.holder-x.json", "other.holder-3.json", "tasks"]);
});
