import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SessionFact } from "../../../src/task/session/session-fact.ts";
import { foldFacts, parseFacts } from "../../../src/task/session/session-facts.ts";
import { appendFacts } from "../../support/kept.ts";

const TIME = "2026-11-20T14:15:30.000Z";
const THREADS = [1, 2, 3].map(threadId);
const NOT_COMPACTED = Number.POSITIVE_INFINITY;

function threadId(number: number): string {
  return `01a1f950-5f71-7472-a9b5-${String(number).padStart(12, "0")}`;
}

function fact(n: number, kind: string, fields: Readonly<Record<string, unknown>> = {}, time = TIME): SessionFact {
  return { v: 1, n, time, kind, ...fields };
}

function usage(total: number): Readonly<Record<string, number>> {
  return { inputTokens: total, cachedInputTokens: 0, outputTokens: total, reasoningOutputTokens: 0 };
}

function text(current: string | undefined, facts: readonly SessionFact[], compactLength?: number): string {
  const result = appendFacts(current, facts, compactLength);
  return result === "unchanged" ? (current ?? "") : result;
}

/** Random facts of one session: few counters and times, so that ties are common. */
function factsOf(): fc.Arbitrary<SessionFact[]> {
  const thread = fc.constantFrom(...THREADS);
  const body = fc.oneof(
    fc.constant({ kind: "opened", key: "docs" }),
    fc.record({ kind: fc.constant("thread"), thread, task: fc.constantFrom("a", "b") }),
    fc.record({ kind: fc.constant("usage"), thread, total: fc.integer({ min: 0, max: 3 }).map(usage) }),
    fc.record({ kind: fc.constant("archived"), archived: fc.boolean() }),
    fc.record({ kind: fc.constant("thread"), thread: fc.constant("not a thread") }),
    fc.record({ kind: fc.constant("later"), what: fc.jsonValue({ maxDepth: 2 }) }),
  );
  const time = fc.constantFrom(TIME, "2026-11-20T14:15:31.000Z");
  const one = fc.record({ n: fc.integer({ min: 1, max: 5 }), time, body });
  return fc.array(
    one.map(({ n, time: at, body: { kind, ...fields } }) => fact(n, kind, fields, at)),
    { maxLength: 25 },
  );
}

describe("foldFacts", () => {
  it("counts above every counter there is, also of kinds it does not know", () => {
    expect(foldFacts([]).counter).toBe(0);
    expect(foldFacts([fact(3, "opened"), fact(7, "later")]).counter).toBe(7);
  });

  it("knows nothing of a session without facts", () => {
    expect(foldFacts([])).toEqual({
      opened: false,
      archived: false,
      thread: undefined,
      threadTask: undefined,
      usageTotal: undefined,
      usages: new Map(),
      counter: 0,
    });
  });

  it("reads the released format", () => {
    const session = readFileSync("test/fixtures/formats/session-v1.jsonl", "utf8");
    const facts = parseFacts(session);
    expect(foldFacts(facts)).toEqual({
      opened: true,
      archived: true,
      thread: "01a1f950-5f71-7472-a9b5-7a2032cb912c",
      threadTask: "20261120-141530-k3f9x2",
      usageTotal: { inputTokens: 100, cachedInputTokens: 10, outputTokens: 20, reasoningOutputTokens: 5 },
      usages: expect.any(Map),
      counter: 4,
    });
    expect(text(undefined, facts)).toBe(session);
  });

  it("takes the usage of the session's thread, however new that of another one is", () => {
    const [one, two] = THREADS;
    const facts = [
      fact(1, "thread", { thread: one, task: "a" }),
      fact(2, "usage", { thread: one, total: usage(7) }),
      fact(3, "thread", { thread: two, task: "b" }),
    ];
    expect(foldFacts(facts)).toMatchObject({ thread: two, threadTask: "b", usageTotal: undefined });
    const later = [
      ...facts,
      fact(4, "usage", { thread: two, total: usage(2) }),
      fact(5, "usage", { thread: one, total: usage(9) }),
    ];
    expect(foldFacts(later).usageTotal).toEqual(usage(2));
  });

  it.each<{ name: string; junk: SessionFact }>([
    { name: "a thread id that is none", junk: fact(9, "thread", { thread: "--yolo", task: "a" }) },
    { name: "a thread that is no text", junk: fact(9, "thread", { thread: null }) },
    {
      name: "usage without all its numbers",
      junk: fact(9, "usage", { thread: THREADS[0], total: { inputTokens: 1 } }),
    },
    { name: "an archived fact that says neither yes nor no", junk: fact(9, "archived", { archived: "yes" }) },
    { name: "a kind of a later version", junk: fact(9, "constructor", { thread: THREADS[1] }) },
  ])("lets $name hide nothing", ({ junk }) => {
    const facts = [
      fact(1, "thread", { thread: THREADS[0], task: "a" }),
      fact(2, "usage", { thread: THREADS[0], total: usage(1) }),
    ];
    expect(foldFacts([...facts, junk])).toEqual({ ...foldFacts(facts), counter: 9 });
  });

  it("is the same for any order and any repetition", () => {
    const histories = factsOf().chain((facts) =>
      fc.record({
        facts: fc.constant(facts),
        shuffled: fc.shuffledSubarray([...facts, ...facts], { minLength: facts.length * 2 }),
      }),
    );
    fc.assert(
      fc.property(histories, ({ facts, shuffled }) => {
        expect(foldFacts(shuffled)).toEqual(foldFacts(facts));
      }),
    );
  });
});

describe("parseFacts", () => {
  it("passes over torn lines, conflict markers, other versions and impossible counters", () => {
    const line = JSON.stringify(fact(1, "opened", { key: "docs" }));
    const junk = [
      "<<<<<<< HEAD",
      "null",
      "[1]",
      JSON.stringify({ ...fact(2, "opened"), v: 2 }),
      JSON.stringify(fact(0, "opened")),
      JSON.stringify(fact(Number.MAX_SAFE_INTEGER, "opened")),
      JSON.stringify(fact(1.5, "opened")),
      `{"v":1,"n":5,"time":"${TIME}","kind":"opened","deep":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      "",
      line.slice(0, -5),
    ];
    expect(parseFacts([line, ...junk].join("\n"))).toEqual([fact(1, "opened", { key: "docs" })]);
    expect(parseFacts([line, ...junk].join("\r\n"))).toEqual([fact(1, "opened", { key: "docs" })]);
  });
});

describe("appendFacts", () => {
  it("writes one line per fact, its keys always in the same order", () => {
    const shuffled: SessionFact = {
      thread: "t",
      kind: "later",
      b: { y: 1, kind: "k", a: [{ d: 1, c: null }] },
      time: TIME,
      n: 1,
      v: 1,
    };
    expect(appendFacts(undefined, [shuffled])).toBe(
      `{"v":1,"n":1,"time":"${TIME}","kind":"later","b":{"kind":"k","a":[{"c":null,"d":1}],"y":1},"thread":"t"}\n`,
    );
  });

  it("changes nothing the second time, and makes no file for nothing", () => {
    expect(appendFacts(undefined, [])).toBe("unchanged");
    fc.assert(
      fc.property(factsOf(), factsOf(), fc.constantFrom(0, 500, NOT_COMPACTED), (before, facts, compactLength) => {
        const once = text(text(undefined, before, NOT_COMPACTED), facts, compactLength);
        expect(foldFacts(parseFacts(once))).toEqual(foldFacts([...before, ...facts]));
        expect(appendFacts(once, facts, compactLength)).toBe("unchanged");
      }),
    );
  });

  it("starts a new line after a torn one", () => {
    const after = text('{"v":1,"n":1,"ti', [fact(2, "opened")]);
    expect(after).toBe(`{"v":1,"n":1,"ti\n{"v":1,"n":2,"time":"${TIME}","kind":"opened"}\n`);
  });

  it("joins two clones' files in either order, compacted or not", () => {
    fc.assert(
      fc.property(factsOf(), factsOf(), factsOf(), (base, ours, theirs) => {
        const before = text(undefined, base, NOT_COMPACTED);
        const merged = text(before, ours, 0) + text(before, theirs, NOT_COMPACTED);
        expect(foldFacts(parseFacts(merged))).toEqual(foldFacts([...theirs, ...ours, ...base]));
      }),
    );
  });

  it("stays small in a session of any length", () => {
    let session = "";
    for (let n = 1; n <= 2000; n += 2) {
      const thread = threadId(n);
      session = text(session, [
        fact(n, "thread", { thread, task: "a" }),
        fact(n + 1, "usage", { thread, total: usage(n) }),
      ]);
    }
    expect(session.length).toBeLessThanOrEqual(16_384);
    expect(foldFacts(parseFacts(session))).toMatchObject({
      thread: threadId(1999),
      usageTotal: usage(1999),
      counter: 2000,
    });
  });

  it("keeps what a later version wrote, whatever it leaves out", () => {
    const later = `{"v":2,"n":1}\n${JSON.stringify(fact(1, "later", { x: 1 }))}\n`;
    const old = fact(2, "archived", { archived: true });
    const result = text(text(`<<<<<<< HEAD\n${later}`, [old]), [fact(3, "archived", { archived: false })], 0);
    expect(result.startsWith(later)).toBe(true);
    expect(parseFacts(result)).not.toContainEqual(old);
  });
});
