import { randomUUID } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTaskJournal } from "../../../src/store/journal/journal-reader.ts";
import type { JournalRecord } from "../../../src/store/journal/journal-record.ts";
import { openTaskJournal, type TaskJournal } from "../../../src/store/journal/task-journal.ts";
import { PLAIN_KEEPER } from "../../support/kept.ts";
import { startLineProcess } from "../../support/line-process.ts";
import { tempDir } from "../../support/temp-dir.ts";

const ID = "20261120-141530-k3f9x2";
const OTHER = "20261120-141531-aaaaaa";
const THIRD = "20261120-141532-bbbbbb";

const ACCEPTED: JournalRecord & { readonly k: "accepted" } = {
  k: "accepted",
  v: 1,
  id: ID,
  session: "docs",
  path: `sessions/docs/2026-11-20/${ID}.md`,
  order: 1,
  atMs: 1_795_184_130_000,
  text: 'Fix the login redirect.\n\u2028 ä 🎉 "quoted"\r\n',
  folderKey: null,
  source: null,
  clone: "c1",
};

function thread(name: string): JournalRecord {
  return { k: "thread", run: 1, thread: name };
}

function openFile(dir: string, id = ID): string {
  return join(dir, "open", `${id}.jsonl`);
}

/** A journal with one open task that has two records. */
function begun(dir: string): TaskJournal {
  const journal = openTaskJournal(dir, PLAIN_KEEPER);
  journal.create(ID, ACCEPTED);
  journal.append(ID, [thread("one")]);
  return journal;
}

it("gives back what was written, in order, also to the next coordinator", () => {
  const dir = tempDir();
  begun(dir).append(ID, [thread("two"), thread("three")]);
  const expected = [ACCEPTED, thread("one"), thread("two"), thread("three")];
  expect(readTaskJournal(dir).read(ID)).toEqual(expected);
  expect(openTaskJournal(dir, PLAIN_KEEPER).read(ID)).toEqual(expected);
});

it("gives back what was noted without a sync, and what came after it", () => {
  const dir = tempDir();
  const journal = begun(dir);
  journal.appendUnsynced(ID, thread("two"));
  journal.append(ID, [thread("three")]);
  const expected = [ACCEPTED, thread("one"), thread("two"), thread("three")];
  expect(openTaskJournal(dir, PLAIN_KEEPER).read(ID)).toEqual(expected);
});

it("is readable by the owner alone", () => {
  const dir = join(tempDir(), "journal");
  begun(dir);
  expect(statSync(openFile(dir)).mode & 0o777).toBe(0o600);
  expect(statSync(join(dir, "open")).mode & 0o777).toBe(0o700);
});

it("refuses to create the journal of a task twice, and keeps the first", () => {
  const dir = tempDir();
  const journal = begun(dir);
  expect(() => journal.create(ID, { ...ACCEPTED, text: "another" })).toThrow(`the journal of ${ID} exists already`);
  expect(journal.read(ID)).toEqual([ACCEPTED, thread("one")]);
});

it("appends to no task that was never created", () => {
  const dir = tempDir();
  const journal = openTaskJournal(dir, PLAIN_KEEPER);
  expect(() => journal.append(ID, [thread("one")])).toThrow(/ENOENT/);
  expect(journal.openIds()).toEqual([]);
  expect(journal.read(ID)).toEqual([]);
});

it.each([
  { name: "half a record", torn: '{"k":"thread","run":1,"thr' },
  { name: "half a character", torn: Buffer.from('{"k":"thread","run":1,"thread":"ä').subarray(0, -1) },
  { name: "half of records that belong together", torn: '[{"k":"thread","run":1,"thread":"two"},{"k":"thr' },
  { name: "a record without its newline", torn: JSON.stringify(thread("two")) },
  { name: "zeros where a page never reached the disk", torn: '{"k":"thread","run":1,"thread":"\0\0\0\0"}\n' },
  { name: "nothing but zeros", torn: "\0".repeat(100) },
])("cuts off $name, so that the next record stands in a line of its own", ({ torn }) => {
  const dir = tempDir();
  begun(dir);
  appendFileSync(openFile(dir), torn);
  const journal = openTaskJournal(dir, PLAIN_KEEPER);
  expect(journal.read(ID)).toEqual([ACCEPTED, thread("one")]);
  journal.append(ID, [thread("after")]);
  expect(journal.read(ID)).toEqual([ACCEPTED, thread("one"), thread("after")]);
});

it("passes over a torn line while the coordinator is still writing it, and leaves it alone", () => {
  const dir = tempDir();
  begun(dir);
  appendFileSync(openFile(dir), '{"k":"thr');
  const before = readFileSync(openFile(dir), "utf8");
  expect(readTaskJournal(dir).read(ID)).toEqual([ACCEPTED, thread("one")]);
  expect(readFileSync(openFile(dir), "utf8")).toBe(before);
});

it("cuts a torn line off the journal of a finished task, too", () => {
  const dir = tempDir();
  begun(dir).retire(ID);
  appendFileSync(join(dir, "done", `${ID}.jsonl`), '{"k":"thr');
  const journal = openTaskJournal(dir, PLAIN_KEEPER);
  journal.appendDone(ID, [thread("after")]);
  expect(journal.readDone(ID)).toEqual([ACCEPTED, thread("one"), thread("after")]);
});

it.each<{ name: string; damage: (path: string) => void; reason: string }>([
  {
    name: "a line that is none",
    damage: (path) => appendFileSync(path, "<<<<<<< HEAD\n"),
    reason: "line 3: not a journal record",
  },
  {
    name: "a record of an unknown kind",
    damage: (path) => appendFileSync(path, '{"k":"odd"}\n'),
    reason: 'record 3 is of an unknown kind ("odd")',
  },
  {
    name: "a record without what it needs",
    damage: (path) => appendFileSync(path, '{"k":"thread","run":1}\n'),
    reason: 'record 3 (thread) has no valid "thread"',
  },
  {
    name: "another version",
    damage: (path) => writeFileSync(path, `${JSON.stringify({ ...ACCEPTED, v: 2 })}\n`),
    reason: 'record 1 (accepted) has no valid "v"',
  },
  {
    name: "the journal of another task",
    damage: (path) => writeFileSync(path, `${JSON.stringify({ ...ACCEPTED, id: OTHER })}\n`),
    reason: `it is the journal of ${OTHER}`,
  },
  {
    name: "a text that is no task",
    damage: (path) => writeFileSync(path, `${JSON.stringify({ ...ACCEPTED, text: "---\nid: [\n---\n" })}\n`),
    reason: "an accepted task is no longer valid",
  },
  {
    name: "a folder",
    damage: (path) => {
      rmSync(path);
      mkdirSync(path);
    },
    reason: "is a folder, not a plain file",
  },
  {
    name: "a huge file",
    damage: (path) => truncateSync(path, 300 * 1024 * 1024),
    reason: "at most 268435456 are read",
  },
])("sets $name aside, says so once, and goes on with the others", ({ damage, reason }) => {
  const dir = tempDir();
  begun(dir).create(OTHER, { ...ACCEPTED, id: OTHER });
  damage(openFile(dir));
  expect(() => readTaskJournal(dir).read(ID)).not.toThrow();
  const said: (readonly string[])[] = [];
  const journal = openTaskJournal(dir, PLAIN_KEEPER, (...one) => said.push(one));
  expect(said).toEqual([[join(dir, "damaged", `${ID}.jsonl`), expect.stringContaining(reason)]]);
  expect([journal.openIds(), journal.damaged(), journal.read(ID)]).toEqual([[OTHER], [`${ID}.jsonl`], []]);
  journal.create(ID, ACCEPTED);
  damage(openFile(dir));
  expect(openTaskJournal(dir, PLAIN_KEEPER).damaged()).toEqual([`${ID}.jsonl`, `${ID}.jsonl.2`]);
});

it("removes what a kill left of a file that was being written, and nothing else", () => {
  const dir = tempDir();
  begun(dir);
  for (const name of [`.${randomUUID()}.tmp`, ".mine.tmp"]) writeFileSync(join(dir, "open", name), "half");
  readTaskJournal(dir);
  expect(readdirSync(join(dir, "open"))).toHaveLength(3);
  openTaskJournal(dir, PLAIN_KEEPER);
  expect(readdirSync(join(dir, "open")).sort()).toEqual([".mine.tmp", `${ID}.jsonl`]);
});

it("goes on where a person has removed the finished tasks, folder and all", () => {
  const dir = tempDir();
  const journal = begun(dir);
  journal.create(OTHER, { ...ACCEPTED, id: OTHER });
  journal.retire(ID);
  rmSync(join(dir, "done"), { recursive: true });
  expect([journal.doneIds(), journal.readDone(ID)]).toEqual([[], []]);
  journal.appendDone(ID, [thread("late")]);
  journal.forget(ID);
  journal.retire(OTHER);
  expect(journal.doneIds()).toEqual([OTHER]);
});

it("says which line was damaged from outside, instead of losing what stands in it", () => {
  const dir = tempDir();
  begun(dir);
  const journal = openTaskJournal(dir, PLAIN_KEEPER);
  writeFileSync(openFile(dir), `${JSON.stringify(ACCEPTED)}\n<<<<<<< HEAD\n${JSON.stringify(thread("two"))}\n`);
  expect(() => journal.read(ID)).toThrow(
    expect.objectContaining({ code: "OUR_BUG", message: expect.stringContaining("line 2: not a journal record") }),
  );
});

describe("what the coordinator has read of an open journal", () => {
  it("is read from memory, with all that came after it, and by others from the disk", () => {
    const dir = tempDir();
    const journal = begun(dir);
    expect(journal.read(ID)).toHaveLength(2);
    journal.appendUnsynced(ID, thread("two"));
    const expected = [ACCEPTED, thread("one"), thread("two")];
    const next = openTaskJournal(dir, PLAIN_KEEPER);
    expect(next.read(ID)).toEqual(expected);
    next.append(ID, [thread("three"), thread("four")]);
    const beside = readTaskJournal(dir);
    expect(beside.read(ID)).toEqual([...expected, thread("three"), thread("four")]);
    rmSync(openFile(dir));
    expect(journal.read(ID)).toEqual(expected);
    expect(next.read(ID)).toEqual([...expected, thread("three"), thread("four")]);
    expect(beside.read(ID)).toEqual([]);
  });

  it("is as it was where an append fails, and gone with the journal", async () => {
    const dir = tempDir();
    const journal = begun(dir);
    await journal.durable(); // Until then the file is open.
    expect(journal.read(ID)).toHaveLength(2);
    renameSync(openFile(dir), `${openFile(dir)}.away`);
    expect(() => journal.append(ID, [thread("two")])).toThrow("ENOENT");
    expect(journal.read(ID)).toEqual([ACCEPTED, thread("one")]);
    renameSync(`${openFile(dir)}.away`, openFile(dir));
    journal.retire(ID);
    expect(journal.read(ID)).toEqual([]);
    expect(journal.readDone(ID)).toEqual([ACCEPTED, thread("one")]);
  });

  it("is bounded, and nothing of a task that nobody has asked for: the rest stays on the disk", () => {
    const dir = tempDir();
    const journal = begun(dir);
    journal.create(OTHER, { ...ACCEPTED, id: OTHER });
    rmSync(openFile(dir, OTHER));
    expect(journal.read(OTHER)).toEqual([]);
    expect(journal.read(ID)).toHaveLength(2);
    journal.append(ID, [thread("x".repeat(5_000_000))]);
    expect(journal.read(ID)).toHaveLength(3);
    rmSync(openFile(dir));
    expect(journal.read(ID)).toEqual([]);
  });
});

it("takes a write back that failed half-way, and goes on", async () => {
  const dir = tempDir();
  const before = begun(dir).read(ID);
  const child = startLineProcess("journal-process.ts", { args: [dir], fileSizeMaxKb: 1 });
  const sizeBefore = statSync(openFile(dir)).size;
  expect(sizeBefore).toBeLessThan(1024);
  expect(await child.ask(`${ID} 2000`)).toMatch(/EFBIG/);
  expect(statSync(openFile(dir)).size).toBe(sizeBefore);
  expect(await child.ask(`${ID} 1`)).toBe("3 records");
  await child.end();
  expect(openTaskJournal(dir, PLAIN_KEEPER).read(ID)).toEqual([...before, thread("x")]);
});

it("keeps every record that was acknowledged before a kill", async () => {
  const dir = tempDir();
  begun(dir);
  const child = startLineProcess("journal-process.ts", { args: [dir] });
  let acknowledged = 2;
  const asking = (async () => {
    for (;;) acknowledged = Number((await child.ask(`${ID} 5000`)).split(" ")[0]);
  })();
  const gaveUp = expect(asking).rejects.toThrow("signal SIGKILL");
  while (acknowledged < 20) await new Promise(setImmediate);
  await child.kill();
  await gaveUp;
  const records = openTaskJournal(dir, PLAIN_KEEPER).read(ID);
  expect(records.length).toBeGreaterThanOrEqual(acknowledged);
  expect(records.length).toBeLessThanOrEqual(acknowledged + 1); // One more may have been written and not acknowledged.
});

it("moves a finished task away, back, away and out of sight", () => {
  const journal = begun(tempDir());
  const records = journal.read(ID);
  journal.retire(ID);
  expect([journal.openIds(), journal.doneIds()]).toEqual([[], [ID]]);
  expect([journal.read(ID), journal.readDone(ID)]).toEqual([[], records]);
  journal.reopen(ID);
  expect([journal.openIds(), journal.doneIds()]).toEqual([[ID], []]);
  expect(journal.read(ID)).toEqual(records);
  journal.append(ID, [thread("again")]);
  journal.retire(ID);
  expect(journal.readDone(ID)).toEqual([...records, thread("again")]);
  journal.forget(ID);
  journal.forget(ID);
  expect([journal.openIds(), journal.doneIds()]).toEqual([[], []]);
});

it("never reopens a finished task over an open one", () => {
  const journal = begun(tempDir());
  journal.retire(ID);
  journal.create(ID, { ...ACCEPTED, text: "another" });
  expect(() => journal.reopen(ID)).toThrow(`the journal of ${ID} is open already`);
  expect(journal.read(ID)).toEqual([{ ...ACCEPTED, text: "another" }]);
});

it("lists open tasks by id, and finished ones by when they were finished", () => {
  const dir = tempDir();
  const journal = openTaskJournal(dir, PLAIN_KEEPER);
  for (const id of [THIRD, ID, OTHER]) journal.create(id, { ...ACCEPTED, id });
  expect(journal.openIds()).toEqual([ID, OTHER, THIRD]);
  const finished = [OTHER, THIRD, ID];
  for (const [index, id] of finished.entries()) {
    journal.append(id, [thread("last")]);
    utimesSync(openFile(dir, id), 1_000 + index, 1_000 + index); // File times may be coarser than three quick writes.
    journal.retire(id);
  }
  expect(journal.doneIds()).toEqual(finished);
});

it("passes over files that are none of its own", () => {
  const dir = tempDir();
  const journal = begun(dir);
  for (const name of [".k3f9x2.tmp", "notes.jsonl", `${ID}.jsonl~`]) writeFileSync(join(dir, "open", name), "x");
  expect(journal.openIds()).toEqual([ID]);
  expect(openTaskJournal(dir, PLAIN_KEEPER).openIds()).toEqual([ID]);
  expect(readdirSync(join(dir, "open"))).toHaveLength(4);
});

it.each(["", '{"k":"accepted","v":1,"id":"', "\0\0\0\0\n"])(
  "forgets a task whose creation was cut off, and may be given it again (%j)",
  (left) => {
    const dir = tempDir();
    begun(dir);
    writeFileSync(openFile(dir, OTHER), left);
    expect(readTaskJournal(dir).read(OTHER)).toEqual([]);
    const journal = openTaskJournal(dir, PLAIN_KEEPER);
    expect([journal.openIds(), journal.damaged()]).toEqual([[ID], []]);
    journal.create(OTHER, { ...ACCEPTED, id: OTHER });
    expect(journal.read(OTHER)).toEqual([{ ...ACCEPTED, id: OTHER }]);
    expect(() => journal.create(OTHER, { ...ACCEPTED, id: OTHER })).toThrow("exists already");
  },
);
