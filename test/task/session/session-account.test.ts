import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accountFact, type TaskShare } from "../../../src/task/session/session-account.ts";
import type { SessionFact } from "../../../src/task/session/session-fact.ts";
import { foldAccount, parseFacts } from "../../../src/task/session/session-facts.ts";
import { appendFacts } from "../../support/kept.ts";

const STATUSES = ["succeeded", "failed", "cancelled"] as const;

/** The n-th task of a clone. */
function share(n: number, change: Partial<TaskShare> = {}): TaskShare {
  return {
    clone: "aaaaaa",
    task: `20261120-100000-${n.toString(36).padStart(6, "0")}`,
    status: STATUSES[n % 3] ?? "succeeded",
    runs: 1 + (n % 2),
    usage:
      n % 5 === 0 ? undefined : { inputTokens: n, cachedInputTokens: 1, outputTokens: 2, reasoningOutputTokens: 0 },
    durationMs: 1_000 + n,
    commands: n % 4,
    endedAt: new Date(Date.UTC(2026, 10, 20) + n * 1_000).toISOString(),
    ...change,
  };
}

const fact = (n: number, change: Partial<TaskShare> = {}): SessionFact => accountFact(share(n, change), n + 1);
const facts = (count: number, change: Partial<TaskShare> = {}): readonly SessionFact[] =>
  Array.from({ length: count }, (_, n) => fact(n, change));

/** session.jsonl after these facts have come, so many at a time, compacted above `limit` characters. */
function written(all: readonly SessionFact[], limit = 1e9, before = "", together = 1): string {
  let text = before;
  for (let at = 0; at < all.length; at += together) {
    const next = appendFacts(text, all.slice(at, at + together), limit);
    if (next !== "unchanged") text = next;
  }
  return text;
}

describe("the account of a session", () => {
  it("is the sum of its tasks, by how they ended", () => {
    expect(foldAccount(facts(4))).toEqual({
      tasks: { succeeded: 2, failed: 1, cancelled: 1 },
      ...{ runs: 6, durationMs: 4_006, commands: 6, lastEndedAt: share(3).endedAt },
      usage: { inputTokens: 6, cachedInputTokens: 3, outputTokens: 6, reasoningOutputTokens: 0 },
    });
  });

  it("is nothing without any, and knows no tokens where nobody does", () => {
    expect(foldAccount([])).toMatchObject({ runs: 0, usage: undefined, lastEndedAt: undefined });
    expect(foldAccount([fact(0)]).usage).toBeUndefined();
  });

  it("counts a task once that two clones have run, and all that both of them used", () => {
    const both = [fact(1, { status: "failed" }), fact(1, { clone: "bbbbbb", status: "succeeded" })];
    expect(foldAccount(both)).toMatchObject({
      tasks: { succeeded: 1, failed: 0, cancelled: 0 },
      ...{ runs: 4, usage: { inputTokens: 2 } },
    });
    expect(foldAccount(both.toReversed())).toEqual(foldAccount(both));
  });

  it.each<{ name: string; junk: Readonly<Record<string, unknown>> }>([
    { name: "a status that is no end", junk: { status: "running" } },
    { name: "a task that is none", junk: { task: "../x" } },
    { name: "a number that is none", junk: { commands: -1 } },
    { name: "no clone", junk: { clone: 7 } },
  ])("passes over a fact with $name", ({ junk }) => {
    expect(foldAccount([{ ...fact(1), ...junk }]).runs).toBe(0);
  });
});

describe("a long session", () => {
  it("keeps its file small, and its account whole", () => {
    const all = facts(500);
    const text = written(all, 16_384);
    expect(text.length).toBeLessThan(17_000);
    expect(foldAccount(parseFacts(text))).toEqual(foldAccount(all));
  });

  it("is not changed by a task whose share is in the sum already: its commit is made again after a crash", () => {
    const text = written(facts(100), 4_096);
    for (const one of facts(100)) expect(appendFacts(text, [one], 4_096)).toBe("unchanged");
  });

  it("keeps the shares of other clones apart: they sum up their own", () => {
    const text = written([...facts(30, { clone: "bbbbbb" }), ...facts(60)], 4_096);
    const parsed = parseFacts(text);
    expect(parsed.filter(({ kind, clone }) => kind === "accounts" && clone === "bbbbbb")).toHaveLength(1);
    const more = written([fact(70)], 1_000, written(facts(30, { clone: "bbbbbb" })));
    expect(parseFacts(more).filter(({ clone }) => clone === "bbbbbb")).toHaveLength(30);
  });

  it("keeps those together that ended in one moment, however many", () => {
    const endedAt = share(99).endedAt;
    const all = [...facts(20), ...Array.from({ length: 40 }, (_, n) => fact(n + 30, { endedAt }))];
    expect(foldAccount(parseFacts(written(all, 2_048)))).toEqual(foldAccount(all));
  });
});

it("two clones that went on from the same file merge into the account of all their tasks, whatever was compacted where", () => {
  const size = fc.integer({ min: 0, max: 60 });
  const limit = fc.constantFrom(1_024, 4_096, 1e9);
  const together = fc.constantFrom(1, 3, 8, 60); // Tasks that end at once are committed at once.
  fc.assert(
    fc.property(size, size, size, limit, limit, together, (common, ours, theirs, limitA, limitB, some) => {
      const shared = written(facts(common), limitA, "", some);
      const own = Array.from({ length: ours }, (_, n) => fact(common + n));
      const other = Array.from({ length: theirs }, (_, n) => fact(200 + common + n, { clone: "bbbbbb" }));
      const lines = [written(own, limitA, shared, some), written(other, limitB, shared, some)].join("").split("\n");
      const merged = `${[...new Set(lines)].join("\n")}\n`;
      const all = foldAccount([...facts(common), ...own, ...other]);
      expect(foldAccount(parseFacts(merged))).toEqual(all);
      expect(foldAccount(parseFacts(merged).toReversed())).toEqual(all);
      const again = written([fact(400)], 1_024, merged);
      expect(foldAccount(parseFacts(again))).toEqual(foldAccount([...facts(common), ...own, ...other, fact(400)]));
    }),
    { numRuns: 60 },
  );
});
