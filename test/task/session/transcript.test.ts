import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTranscript, rotateTranscript, withoutLines } from "../../../src/task/session/transcript.ts";
import type { TranscriptBody, TranscriptEntry } from "../../../src/task/session/transcript-entry.ts";
import { appendEntries } from "../../support/kept.ts";

const TASK = "20261120-141530-k3f9x2";
const TIME = "2026-11-20T14:15:30.000Z";

function entry(line: number, change: Partial<TranscriptEntry> = {}): TranscriptEntry {
  const body = { kind: "assistant", text: `line ${line}` } as const;
  return { v: 1, task: TASK, run: 1, attempt: 1, line, thread: null, time: TIME, body, ...change };
}

function text(current: string | undefined, entries: readonly TranscriptEntry[]): string {
  const result = appendEntries(current, entries);
  return result === "unchanged" ? (current ?? "") : result;
}

function keys(entries: readonly TranscriptEntry[]): readonly string[] {
  return entries.map(({ task, run, line, thread, body }) =>
    JSON.stringify([task, run, line, thread, body.kind === "context"]),
  );
}

/** Random entries with few keys, so that repeats are common. */
function entriesOf(): fc.Arbitrary<TranscriptEntry[]> {
  const small = fc.integer({ min: 0, max: 3 });
  const string = fc.string({ unit: "binary", maxLength: 20 });
  const body: fc.Arbitrary<TranscriptBody> = fc.oneof(
    fc.record({ kind: fc.constantFrom("user", "assistant", "reasoning"), text: string }),
    fc.record({ kind: fc.constant("context" as const), text: string, lines: small, tool: string }),
    fc.record({
      kind: fc.constant("command" as const),
      command: string,
      exitCode: fc.option(small),
      status: string,
      output: string,
      outputBytes: small,
    }),
    fc.record({
      kind: fc.constant("files" as const),
      status: string,
      changes: fc.array(fc.record({ path: string, change: string }), { maxLength: 2 }),
    }),
    fc.record({ kind: fc.constant("tool" as const), name: string, status: string, detail: string }),
    fc.record({ kind: fc.constant("error" as const), message: string }),
    fc.record({ kind: fc.constant("end" as const), outcome: string, reason: fc.option(string) }),
  );
  return fc.array(
    fc.record({
      v: fc.constant(1 as const),
      task: fc.constantFrom(TASK, "20261120-141531-bbbbbb"),
      run: small,
      attempt: small,
      line: small,
      thread: fc.option(fc.constantFrom("", "a")),
      time: fc.constant(TIME),
      body,
    }),
    { maxLength: 20 },
  );
}

describe("parseTranscript", () => {
  it("reads the released format", () => {
    const transcript = readFileSync("test/fixtures/formats/transcript-v1.jsonl", "utf8");
    const entries = parseTranscript(transcript);
    expect(entries.map(({ line, body }) => [line, body.kind])).toEqual([
      [0, "user"],
      [3, "reasoning"],
      [4, "command"],
      [5, "files"],
      [6, "tool"],
      [7, "error"],
      [8, "assistant"],
      [9, "end"],
    ]);
    expect(text(undefined, entries)).toBe(transcript);
  });

  it("gives back exactly what was written", () => {
    fc.assert(
      fc.property(entriesOf(), (entries) => {
        const distinct = entries.filter(
          (_, index) => !keys(entries.slice(0, index)).includes(keys(entries)[index] ?? ""),
        );
        expect(parseTranscript(text(undefined, entries))).toEqual(distinct);
      }),
    );
  });

  it("drops repeats, and the first of a key wins", () => {
    const again = entry(1, { body: { kind: "error", message: "another view of the same line" } });
    const merged = text(undefined, [entry(1), entry(2)]) + text(undefined, [again, entry(3)]);
    expect(parseTranscript(merged)).toEqual([entry(1), entry(2), entry(3)]);
  });

  it("tells the runs of two clones apart by their threads", () => {
    const theirs = entry(1, { thread: "01a1f950-5f71-7472-a9b5-7a2032cb912c" });
    expect(parseTranscript(text(text(undefined, [entry(1)]), [theirs]))).toEqual([entry(1), theirs]);
  });

  it("keeps a prompt and what was added to it apart", () => {
    const context = entry(0, { body: { kind: "context", text: "notes", lines: 1, tool: "rg" } });
    const other = entry(0, { body: { kind: "context", text: "other notes", lines: 1, tool: "grep" } });
    expect(parseTranscript(text(text(undefined, [entry(0), context]), [other]))).toEqual([entry(0), context]);
  });

  it("takes no part of a torn last line for an entry, wherever it was torn", () => {
    const whole = text(undefined, [entry(2)]).trimEnd();
    for (let length = 0; length < whole.length; length += 1) {
      expect(parseTranscript(text(undefined, [entry(1)]) + whole.slice(0, length))).toEqual([entry(1)]);
    }
  });

  it.each<{ name: string; line: string }>([
    { name: "a conflict marker", line: "<<<<<<< HEAD" },
    { name: "something that is not JSON", line: "{oops}" },
    { name: "a later version", line: JSON.stringify({ ...entry(2), v: 2 }) },
    { name: "a body of a later version", line: JSON.stringify({ ...entry(2), body: { kind: "video" } }) },
    {
      name: "a body named like a property of every object",
      line: JSON.stringify({ ...entry(2), body: { kind: "toString" } }),
    },
    { name: "a body without its fields", line: JSON.stringify({ ...entry(2), body: { kind: "user" } }) },
    {
      name: "a change without a path",
      line: JSON.stringify({ ...entry(2), body: { kind: "files", status: "", changes: [{}] } }),
    },
    { name: "a run that is no number", line: JSON.stringify({ ...entry(2), run: "1" }) },
    { name: "no body", line: JSON.stringify({ ...entry(2), body: undefined }) },
  ])("passes over $name", ({ line }) => {
    expect(parseTranscript(`${line}\n${text(undefined, [entry(1)])}`)).toEqual([entry(1)]);
  });

  it("reads lines that end with a carriage return", () => {
    expect(parseTranscript(text(undefined, [entry(1), entry(2)]).replaceAll("\n", "\r\n"))).toEqual([
      entry(1),
      entry(2),
    ]);
  });
});

describe("appendEntries", () => {
  it("puts the key first, so that a person finds it", () => {
    expect(appendEntries(undefined, [entry(4)])).toBe(
      `{"v":1,"task":"${TASK}","run":1,"line":4,"attempt":1,"thread":null,"time":"${TIME}","body":{"kind":"assistant","text":"line 4"}}\n`,
    );
  });

  it("changes nothing the second time, and makes no file for nothing", () => {
    expect(appendEntries(undefined, [])).toBe("unchanged");
    fc.assert(
      fc.property(entriesOf(), entriesOf(), (before, entries) => {
        const once = text(text(undefined, before), entries);
        expect(appendEntries(once, entries)).toBe("unchanged");
        expect(new Set(keys(parseTranscript(once)))).toEqual(new Set(keys([...before, ...entries])));
      }),
    );
  });

  it("writes an entry again of which only a torn line is there", () => {
    const torn = text(undefined, [entry(1), entry(2)]).slice(0, -10);
    const after = text(torn, [entry(2)]);
    expect(after.startsWith(`${torn}\n{`)).toBe(true);
    expect(parseTranscript(after)).toEqual([entry(1), entry(2)]);
  });

  it("writes an entry that only a broken line of its key stands for", () => {
    const broken = `${JSON.stringify({ ...entry(1), body: { kind: "user" } })}\n`;
    expect(parseTranscript(text(broken, [entry(1)]))).toEqual([entry(1)]);
  });

  it("adds to a long transcript in a few milliseconds", () => {
    const long = text(
      undefined,
      Array.from({ length: 20_000 }, (_, line) => entry(line)),
    );
    const startedAt = performance.now();
    expect(text(long, [entry(20_000)]).length).toBeGreaterThan(long.length);
    expect(performance.now() - startedAt).toBeLessThan(2000); // About 50 ms; quadratic work would take a minute.
  });
});

describe("rotateTranscript", () => {
  it("does nothing up to the limit, counted in bytes", () => {
    const transcript = text(undefined, [entry(1, { body: { kind: "user", text: "ä".repeat(100) } })]);
    const bytes = Buffer.byteLength(transcript);
    expect(bytes).toBeGreaterThan(transcript.length);
    expect(rotateTranscript(transcript, bytes)).toBeUndefined();
    expect(rotateTranscript(transcript, bytes - 1)).toEqual({ kept: "", moved: transcript });
  });

  it("ends the moved file with a line end, also after a torn line", () => {
    expect(rotateTranscript('{"v":1', 0)?.moved).toBe('{"v":1\n');
  });

  it("can be applied to another tip: only the lines that were moved are taken out", () => {
    const planned = text(undefined, [entry(1), entry(2)]);
    const moved = rotateTranscript(planned, 0)?.moved ?? "";
    expect(withoutLines(text(planned, [entry(3)]), moved)).toBe(text(undefined, [entry(3)]));
    expect(withoutLines(planned, moved)).toBe("");
    expect(withoutLines(text(undefined, [entry(3)]), moved)).toBe("unchanged");
  });

  it("loses no entry over any merge of a rotated and an unrotated file", () => {
    fc.assert(
      fc.property(entriesOf(), entriesOf(), entriesOf(), (base, ours, theirs) => {
        const before = text(undefined, base);
        const moved = rotateTranscript(before, 0)?.moved ?? "";
        const rotated = withoutLines(before, moved);
        const merged = text(rotated === "unchanged" ? before : rotated, ours) + text(before, theirs);
        expect(new Set(keys(parseTranscript(moved + merged)))).toEqual(new Set(keys([...base, ...ours, ...theirs])));
      }),
    );
  });
});
