import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { failAt } from "../../../src/base/fault-point.ts";
import { type EventLog, openEventLog } from "../../../src/store/events/event-log.ts";
import type { EventReader } from "../../../src/store/events/event-reader.ts";
import type { Happening } from "../../../src/task/events/live-event.ts";
import { tempDir } from "../../support/temp-dir.ts";

const START_MS = 1_000_000;
const FOREVER = new AbortController().signal;

function happening(commit: string | number): Happening {
  return { kind: "committed", task: "t1", session: "docs", commit: String(commit) };
}

interface Options {
  readonly boot?: string;
  readonly sizes?: { readonly bytes: number; readonly count: number };
  readonly nowMs?: number;
}

/** The log of a coordinator: a second one on the same folder is the next coordinator, after a kill of the first. */
function openLog(
  dir: string,
  { boot = "one", sizes, nowMs = START_MS }: Options = {},
): EventLog & { dropped: unknown[] } {
  const dropped: unknown[] = [];
  const log = openEventLog({
    ...{
      dir,
      boot,
      surroundings: { now: () => nowMs, after: () => () => undefined },
      checkpoint: () => ["told"],
      ...(sizes === undefined ? {} : { sizes }),
    },
    onDropped: (error) => dropped.push(error),
    onMended: () => dropped.push("mended"),
  });
  onTestFinished(() => log.close());
  return Object.assign(log, { dropped });
}

/** Adds and writes events, a batch. Returns their numbers. */
function write(log: EventLog, ...names: readonly (string | number)[]): readonly number[] {
  const before = log.last;
  for (const name of names) log.add(happening(name));
  log.flush();
  return Array.from({ length: log.last - before }, (_, index) => before + 1 + index);
}

/** What a reader gets until it has seen all: the names of events, and "gone". */
async function readAll(log: EventLog, reader: EventReader): Promise<readonly string[]> {
  const seen: string[] = [];
  while (reader.seq !== log.last) {
    const next = await reader.next(FOREVER);
    if (next === "gone") seen.push("gone");
    for (const { text, seq } of next === "gone" ? [] : (next ?? [])) {
      const event = JSON.parse(text);
      expect([event.v, event.seq]).toEqual([1, seq]);
      seen.push(event.commit ?? event.kind);
    }
  }
  return seen;
}

function segmentsIn(dir: string): readonly string[] {
  return readdirSync(dir).filter((name) => name.endsWith(".jsonl"));
}

describe("a reader", () => {
  it("that begins now sees what comes, each event once and in order", async () => {
    const log = openLog(tempDir());
    write(log, "before");
    const reader = log.reader();
    const next = reader.next(FOREVER);
    write(log, "a", "b");
    expect((await next) === "gone").toBe(false);
    write(log, "c");
    expect(await readAll(log, log.reader(reader.seq - 2))).toEqual(["a", "b", "c"]);
  });

  it("sees no event before it is written", async () => {
    const dir = tempDir();
    const log = openLog(dir);
    write(log, "a");
    log.add(happening("b"));
    const reader = log.reader(log.last - 1);
    expect(await readAll(log, reader)).toEqual(["a"]);
    const next = reader.next(FOREVER);
    log.flush();
    await next;
    expect(readFileSync(join(dir, segmentsIn(dir)[0] ?? ""), "utf8")).toContain('"commit":"b"');
  });

  it("ends with the abort of its signal, and with the log once it has seen all", async () => {
    const log = openLog(tempDir());
    const left = new AbortController();
    const waiting = log.reader().next(left.signal);
    left.abort();
    expect(await waiting).toBeUndefined();
    const last = log.reader();
    log.add(happening("a"));
    log.close();
    expect(await last.next(FOREVER)).toHaveLength(1);
    expect(await last.next(FOREVER)).toBeUndefined();
  });

  it("that is slow is served from the disk, over all segments, and costs nothing meanwhile", async () => {
    const log = openLog(tempDir(), { sizes: { bytes: 20_000, count: 1_000 } });
    const first = log.last;
    const names = Array.from({ length: 6_000 }, (_, index) => `n${index} ${"x".repeat(100)}`);
    for (let at = 0; at < names.length; at += 50) write(log, ...names.slice(at, at + 50));
    expect(await readAll(log, log.reader(first))).toEqual(names);
    const middle = 3_333;
    expect(await readAll(log, log.reader(first + middle))).toEqual(names.slice(middle));
  });

  it("is told to reload where what it wants is not kept any more, and goes on from now", async () => {
    const dir = tempDir();
    const log = openLog(dir, { sizes: { bytes: 1_000, count: 3 } });
    const reader = log.reader();
    for (let index = 0; index < 4_000; index += 10) write(log, ...Array.from({ length: 10 }, (_, i) => index + i));
    expect(segmentsIn(dir)).toHaveLength(3);
    expect(await readAll(log, reader)).toEqual(["gone"]);
    write(log, "next");
    expect(await readAll(log, reader)).toEqual(["next"]);
  });

  it.each([0, 7, START_MS + 5_000_000])(
    "is told to reload behind a number that nobody has given: %j",
    async (after) => {
      const log = openLog(tempDir());
      write(log, "a");
      const reader = log.reader(after);
      expect(await reader.next(FOREVER)).toBe("gone");
      expect(reader.seq).toBe(log.last);
    },
  );

  it("whose segment is removed under it is told to reload", async () => {
    const dir = tempDir();
    const log = openLog(dir, { sizes: { bytes: 1_000, count: 1_000 } });
    const reader = log.reader();
    for (let index = 0; index < 4_000; index += 10) write(log, ...Array.from({ length: 10 }, (_, i) => index + i));
    expect(await reader.next(FOREVER)).not.toBe("gone");
    for (const name of segmentsIn(dir).slice(0, -1)) rmSync(join(dir, name));
    const next = await reader.next(FOREVER);
    expect(next === "gone" || (await reader.next(FOREVER)) === "gone").toBe(true);
  });
});

describe("numbers", () => {
  it("go on after a kill, and what any reader has seen is replayed", async () => {
    const dir = tempDir();
    const log = openLog(dir);
    const numbers = write(log, "a", "b", "c");
    log.add(happening("lost with the kill: nobody has seen it"));
    const next = openLog(dir);
    expect(write(next, "d")).toEqual([(numbers.at(-1) ?? 0) + 1]);
    expect(await readAll(next, next.reader(numbers[0]))).toEqual(["b", "c", "d"]);
    expect(await readAll(next, next.reader(numbers.at(-1)))).toEqual(["d"]);
  });

  it("go on where a kill has torn the last line", async () => {
    const dir = tempDir();
    const [first = 0] = write(openLog(dir), "a");
    appendFileSync(join(dir, segmentsIn(dir)[0] ?? ""), `{"v":1,"seq":${first + 1},"kind":"comm`);
    const next = openLog(dir);
    expect(write(next, "b")).toEqual([first + 1]);
    expect(await readAll(next, next.reader(first - 1))).toEqual(["a", "b"]);
  });

  it.each([
    { name: "the end of the log", lose: (path: string) => writeFileSync(path, readFileSync(path).subarray(0, -20)) },
    { name: "all of it", lose: (path: string) => rmSync(path) },
    { name: "pages of it, which read as zeros", lose: (path: string) => writeFileSync(path, Buffer.alloc(500)) },
  ])("pass over what a loss of power may have taken, here $name; readers are told to reload", async ({ lose }) => {
    const dir = tempDir();
    const numbers = write(openLog(dir), "a", "b");
    lose(join(dir, segmentsIn(dir)[0] ?? ""));
    const next = openLog(dir, { boot: "two" });
    const [first = 0, second] = write(next, "c");
    expect(first).toBeGreaterThan((numbers.at(-1) ?? 0) + 1_000);
    expect(second).toBe(first + 1); // The reload stands in the log, too.
    for (const after of numbers) {
      const seen = await readAll(next, next.reader(after));
      expect(seen.filter((name) => name !== "b" && name !== "c")).not.toEqual([]); // A reload, one way or the other.
    }
    expect(await readAll(next, next.reader(first - 1))).toEqual(["reload", "c"]);
  });

  it("only rise over any number of losses, and where the folder is removed", () => {
    const dir = tempDir();
    let highest = 0;
    for (const boot of ["a", "b", "c", "c", "d"]) {
      const numbers = write(openLog(dir, { boot, nowMs: START_MS + highest }), boot, boot);
      expect(Math.min(...numbers)).toBeGreaterThan(highest);
      highest = Math.max(...numbers);
      if (boot === "c") for (const name of readdirSync(dir)) rmSync(join(dir, name));
    }
  });
});

describe("the log", () => {
  it("keeps a bounded number of segments, each begun with what was told before", () => {
    const dir = tempDir();
    const log = openLog(dir, { sizes: { bytes: 2_000, count: 4 } });
    for (let index = 0; index < 200; index += 1) write(log, index);
    const names = segmentsIn(dir);
    expect(names).toHaveLength(4);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const name of names) {
      const [header = ""] = readFileSync(join(dir, name), "utf8").split("\n");
      expect(JSON.parse(header)).toEqual({ v: 1, at: START_MS, checkpoint: ["told"] });
      expect(statSync(join(dir, name)).size).toBeLessThan(2_300);
      expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    }
  });

  it("hands the newest segment to the next coordinator", () => {
    const dir = tempDir();
    write(openLog(dir), "a", "b");
    expect(openLog(dir).found).toMatchObject({
      header: { checkpoint: [] },
      events: [{ commit: "a" }, { commit: "b" }],
    });
  });

  it("drops what cannot be written, says so once, and goes on with a reload", async () => {
    const log = openLog(tempDir());
    write(log, "a");
    const reader = log.reader();
    const mend = failAt("events", "ENOSPC");
    onTestFinished(mend);
    expect([write(log, "b"), write(log, "c")]).toEqual([[], []]);
    expect(log.dropped).toHaveLength(1);
    mend();
    write(log, "d");
    expect(log.dropped).toHaveLength(2);
    expect(await readAll(log, reader)).toEqual(["reload", "d"]);
  });

  it("does not make the coordinator's folder anew where that is away, and writes again when it is back", () => {
    const dir = join(tempDir(), "away", "events");
    const log = openLog(dir);
    expect(write(log, "a")).toEqual([]);
    expect(existsSync(join(dir, ".."))).toBe(false);
    expect(log.dropped).toHaveLength(1);
  });

  it("is made anew where a person has removed it", async () => {
    const dir = join(tempDir(), "events");
    const log = openLog(dir, { sizes: { bytes: 100, count: 3 } });
    const [first = 0] = write(log, "a");
    rmSync(dir, { recursive: true });
    expect(write(log, "b", "c")).toEqual([first + 1, first + 2]);
    expect(segmentsIn(dir)).toHaveLength(1);
  });
});
