import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldLedger, type LedgerRow, parseLedger, rotateLedger, withoutRows } from "../../../src/task/ledger/ledger.ts";
import type { SessionFact } from "../../../src/task/session/session-fact.ts";
import { foldFacts, parseFacts } from "../../../src/task/session/session-facts.ts";
import { parseTranscript, rotateTranscript } from "../../../src/task/session/transcript.ts";
import type { TranscriptEntry } from "../../../src/task/session/transcript-entry.ts";
import { appendEntries, appendFacts, appendRows } from "../../support/kept.ts";
import { ledgerLine, ledgerRows } from "../../support/ledger-rows.ts";
import { tempDir } from "../../support/temp-dir.ts";

const LEDGER = "tasks.md";
const TRANSCRIPT = "sessions/docs/transcript.jsonl";
const FACTS = "sessions/docs/session.jsonl";
const ATTRIBUTES = "tasks.md merge=union -text\ntasks/** merge=union -text\nsessions/**/*.jsonl merge=union -text\n";

function states(rows: Iterable<LedgerRow>): readonly string[] {
  return [...foldLedger(rows).values()].map(ledgerLine).sort();
}

function ledgerText(current: string | undefined, rows: readonly LedgerRow[]): string {
  const result = appendRows(current, rows);
  return result === "unchanged" ? (current ?? "") : result;
}

describe("a union of two ledgers", () => {
  /**
   * What a merge by union may make of two files with a common ancestor: every line that a side added is there, in any order;
   * a line that one side took out may be there or not, as it may have stood in a conflict.
   */
  function lineUnion(base: string, ours: string, theirs: string, pick: () => boolean): string {
    const [before, left, right] = [base, ours, theirs].map((text) => text.split("\n").filter((line) => line !== ""));
    const inLeft = new Set(left);
    const inRight = new Set(right);
    const known = new Set(before);
    const kept = (before ?? []).filter(
      (line) => (inLeft.has(line) && inRight.has(line)) || ((inLeft.has(line) || inRight.has(line)) && pick()),
    );
    const added = [...(left ?? []), ...(right ?? [])].filter((line) => !known.has(line));
    const lines = pick() ? [...kept, ...added] : [...added.reverse(), ...kept];
    return `${lines.join("\n")}\n`;
  }

  it("tells the same as both, also when either or both had rotated", () => {
    const side = fc.record({ rows: ledgerRows(), rotates: fc.boolean(), isOpen: fc.func(fc.boolean()) });
    fc.assert(
      fc.property(ledgerRows(), side, side, fc.infiniteStream(fc.boolean()), (before, ours, theirs, choices) => {
        const base = ledgerText(undefined, before);
        const rotated: string[] = [];
        const [left = "", right = ""] = [ours, theirs].map(({ rows, rotates, isOpen }) => {
          const grown = ledgerText(base, rows);
          const rotation = rotates ? rotateLedger(grown, isOpen, 0) : undefined;
          if (rotation === undefined) return grown;
          for (const closed of rotation.closed.values()) rotated.push(ledgerText(undefined, closed));
          return rotation.ledger;
        });
        const merged = lineUnion(base, left, right, () => choices.next().value ?? false);
        const everything = [merged, ...rotated].flatMap(parseLedger);
        expect(states(everything)).toEqual(states([...before, ...ours.rows, ...theirs.rows]));
      }),
    );
  });
});

/** Two clones of a repository with `files`; `merge` merges the second into the first and gives its files. */
function twoClones(files: Readonly<Record<string, string>>) {
  const root = tempDir();
  const git = (directory: string, ...args: readonly string[]): string =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "gc.auto=0", ...args], {
      cwd: directory,
      encoding: "utf8",
      env: { PATH: process.env.PATH, HOME: root, GIT_CONFIG_NOSYSTEM: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const write = (directory: string, changes: Readonly<Record<string, string>>): void => {
    for (const [path, text] of Object.entries(changes)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    git(directory, "add", "-A");
    git(directory, "commit", "-q", "-m", "change");
  };
  const ours = join(root, "ours");
  const theirs = join(root, "theirs");
  git(root, "init", "-q", "-b", "main", "ours");
  write(ours, { ".gitattributes": ATTRIBUTES, ...files });
  git(root, "clone", "-q", "ours", "theirs");
  return {
    ours: (changes: Readonly<Record<string, string>>) => write(ours, changes),
    theirs: (changes: Readonly<Record<string, string>>) => write(theirs, changes),
    merge(): (path: string) => string {
      git(ours, "pull", "-q", "--no-rebase", "--no-edit", theirs, "main");
      expect(git(ours, "status", "--porcelain")).toBe("");
      return (path) => readFileSync(join(ours, path), "utf8");
    },
  };
}

describe("git merge", () => {
  const row = (number: number, change: Partial<LedgerRow>): LedgerRow => ({
    time: `2026-11-20T14:15:${30 + number}.000Z`,
    task: `20261120-14153${number}-k3f9x2`,
    session: "docs",
    run: 1,
    status: "queued",
    detail: "",
    ...change,
  });

  it("merges a ledger that grew with one that was rotated, without a conflict and without a lost row", () => {
    const base = [row(0, {}), row(0, { status: "running" }), row(1, {}), row(2, {}), row(2, { status: "failed" })];
    const ours = [row(0, { status: "succeeded" }), row(3, {})];
    const theirs = [row(1, { status: "running" }), row(1, { status: "cancelled", detail: "a | b" }), row(4, {})];
    const clones = twoClones({ [LEDGER]: ledgerText(undefined, base) });

    const grown = ledgerText(ledgerText(undefined, base), ours);
    const rotation = rotateLedger(grown, (task) => ![row(0, {}).task, row(2, {}).task].includes(task), 0);
    const closed = rotation?.closed.get("2026-11-20") ?? [];
    expect(closed).toHaveLength(5);
    clones.ours({ [LEDGER]: rotation?.ledger ?? "", "tasks/2026-11-20/aa-0001.md": ledgerText(undefined, closed) });
    clones.theirs({ [LEDGER]: ledgerText(ledgerText(undefined, base), theirs) });

    const read = clones.merge();
    const merged = read(LEDGER);
    expect(states([merged, read("tasks/2026-11-20/aa-0001.md")].flatMap(parseLedger))).toEqual(
      states([...base, ...ours, ...theirs]),
    );
    expect(merged).not.toContain("<<<<<<<");
    // Rows that came back are taken out again by the next rotation, which then has nothing to add to the closed file.
    const cleaned = withoutRows(merged, closed);
    const open = foldLedger(parseLedger(cleaned === "unchanged" ? merged : cleaned));
    expect([...open.keys()].sort()).toEqual([1, 3, 4].map((number) => row(number, {}).task));
  });

  it("merges two ledgers that were made apart, with one header", () => {
    const clones = twoClones({});
    clones.ours({ [LEDGER]: ledgerText(undefined, [row(1, {})]) });
    clones.theirs({ [LEDGER]: ledgerText(undefined, [row(2, {})]) });
    const merged = clones.merge()(LEDGER);
    expect(merged).toBe(ledgerText(undefined, parseLedger(merged)));
    expect(states(parseLedger(merged))).toEqual(states([row(1, {}), row(2, {})]));
  });

  it("merges two ledgers that rotated the same rows into files of their own", () => {
    const base = [row(0, {}), row(0, { status: "succeeded" }), row(1, {})];
    const clones = twoClones({ [LEDGER]: ledgerText(undefined, base) });
    const rotation = rotateLedger(ledgerText(undefined, base), (task) => task === row(1, {}).task, 0);
    const closed = ledgerText(undefined, rotation?.closed.get("2026-11-20") ?? []);
    const left = ledgerText(rotation?.ledger, [row(2, {})]);
    const right = ledgerText(rotation?.ledger, [row(3, {})]);
    clones.ours({ [LEDGER]: left, "tasks/2026-11-20/aa-0001.md": closed });
    clones.theirs({ [LEDGER]: right, "tasks/2026-11-20/bb-0001.md": closed });
    const read = clones.merge();
    const rows = [LEDGER, "tasks/2026-11-20/aa-0001.md", "tasks/2026-11-20/bb-0001.md"].map(read).flatMap(parseLedger);
    expect(states(rows)).toEqual(states([...base, row(2, {}), row(3, {})]));
  });

  it("merges a transcript that grew with one that starts afresh, and two histories of a session's facts", () => {
    const entry = (line: number, run: number): TranscriptEntry => {
      const body = { kind: "assistant", text: `line ${line} of run ${run}` } as const;
      return { v: 1, task: row(0, {}).task, run, line, attempt: 1, thread: null, time: row(0, {}).time, body };
    };
    const fact = (n: number, archived: boolean): SessionFact => ({
      v: 1,
      n,
      time: row(n, {}).time,
      kind: "archived",
      archived,
    });
    const base = appendEntries(undefined, [entry(0, 1), entry(1, 1)]);
    const facts = appendFacts(undefined, [fact(1, false)]);
    const clones = twoClones({ [TRANSCRIPT]: base, [FACTS]: facts });
    const rotation = rotateTranscript(base, 0);
    clones.ours({
      [TRANSCRIPT]: appendEntries(rotation?.kept, [entry(0, 2)]),
      "sessions/docs/transcript/aa-0001.jsonl": rotation?.moved ?? "",
      [FACTS]: appendFacts(facts, [fact(2, true), fact(3, false)], 0),
    });
    clones.theirs({
      [TRANSCRIPT]: appendEntries(base, [entry(0, 3)]),
      [FACTS]: appendFacts(facts, [fact(2, false), fact(4, true)]),
    });
    const read = clones.merge();
    const entries = parseTranscript(read("sessions/docs/transcript/aa-0001.jsonl") + read(TRANSCRIPT));
    expect(entries).toHaveLength(4);
    expect(entries).toEqual(expect.arrayContaining([entry(0, 1), entry(1, 1), entry(0, 2), entry(0, 3)]));
    expect(foldFacts(parseFacts(read(FACTS)))).toMatchObject({ archived: true, counter: 4 });
  });
});
