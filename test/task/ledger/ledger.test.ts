import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  appendRows as append,
  foldLedger,
  isFinal,
  type LedgerRow,
  latestRows,
  movedLinks,
  parseLedger,
  rotateLedger,
  type TaskStatus,
  withoutRows,
} from "../../../src/task/ledger/ledger.ts";
import { asKept } from "../../../src/task/text/kept-text.ts";
import { appendRows } from "../../support/kept.ts";
import { ledgerLine, ledgerRows } from "../../support/ledger-rows.ts";

const TASK = "20261120-141530-k3f9x2";
const OTHER = "20261121-090000-aaaaaa";

function row(change: Partial<LedgerRow>): LedgerRow {
  const base = { time: "2026-11-20T14:15:30.000Z", task: TASK, session: "docs", run: 1, detail: "" };
  return { ...base, status: "queued", ...change };
}

function text(current: string | undefined, rows: readonly LedgerRow[]): string {
  const result = appendRows(current, rows);
  return result === "unchanged" ? (current ?? "") : result;
}

/** Whole states, in an order of their own, so that two folds can be compared. */
function states(rows: Iterable<LedgerRow>): readonly string[] {
  return [...foldLedger(rows).values()].map(ledgerLine).sort();
}

describe("a row", () => {
  it("is one line of a Markdown table", () => {
    expect(ledgerLine(row({ status: "failed", detail: "a | b\nc <d> \\ " }))).toBe(
      `| 2026-11-20T14:15:30.000Z | ${TASK} | docs | 1 |  | failed | a \\| b\\nc \\<d> \\\\\\u{20} |`,
    );
  });

  it("comes back exactly, whatever its detail holds", () => {
    fc.assert(
      fc.property(ledgerRows(fc.string({ unit: "binary", maxLength: 40 })), (rows) => {
        expect(parseLedger(rows.map((each) => `${ledgerLine(each)}\n`).join(""))).toEqual(rows);
      }),
    );
  });

  it.each([
    " ",
    "  two  ",
    "\u{85}\u{2028}\u{2029}\u{feff}\u{a0}",
    "\ud800 alone",
    "\\n is not a line end",
    "\\u{41}",
    "<!--",
    "|",
    "\\|",
    "\0\u{202e}",
  ])("comes back exactly with the detail %j", (detail) => {
    const line = ledgerLine(row({ detail }));
    expect(line).not.toMatch(/[\n\r\0\u{85}\u{2028}\u{202e}]/u);
    expect(Buffer.from(line).toString()).toBe(line);
    expect(parseLedger(line)).toEqual([row({ detail })]);
  });

  it("keeps its meaning when an editor aligns the table", () => {
    const aligned = `|  2026-11-20T14:15:30.000Z |\t${TASK}|docs      |    1 |  | queued    |\\u{20}x    |  `;
    expect(parseLedger(aligned)).toEqual([row({ detail: " x" })]);
  });
});

describe("parseLedger", () => {
  it.each([1, 2])("reads format %i", (format) => {
    const ledger = readFileSync(`test/fixtures/formats/ledger-v${format}.md`, "utf8");
    const rows = parseLedger(ledger);
    expect(rows).toHaveLength(7);
    expect(rows[3]?.detail).toBe("the model said: a | b \\ c\n<end> ");
    expect([...foldLedger(rows)].map(([task, { run, status }]) => [task, run, status])).toEqual([
      [TASK, 2, "succeeded"],
      ["20261120-141540-aaaaaa", 1, "cancelled"],
    ]);
    if (format === 1) return;
    expect(rows[5]?.result).toEqual({
      title: "Fix [the] login | redirect",
      path: "sessions/docs/2026-11-20/141530-fix-the-login-redirect-k3f9x2.md",
    });
    expect(text(undefined, rows)).toBe(ledger);
  });

  it("links the same file from wherever a ledger lies, and none outside", () => {
    const linked = row({ status: "failed", result: { title: "x", path: "sessions/docs/2026-11-20/x.md" } });
    const rotated = append(undefined, asKept([linked]), "../../");
    expect(rotated).toContain("[x](../../sessions/docs/2026-11-20/x.md)");
    expect(parseLedger(rotated)).toEqual([linked]);
    for (const path of [
      "../x.md",
      "sessions/../x.md",
      "sessions/.git/x.md",
      "inbox/x.md",
      "sessions/x.md) ](y.md",
      "https://x.y/z.md",
    ])
      expect(parseLedger(ledgerLine(linked).replace(linked.result?.path ?? "", path))[0]?.result).toBeUndefined();
  });

  it("passes over headers, prose, conflict markers and carriage returns", () => {
    const ledger = text(undefined, [row({})]);
    const messy = `${ledger}${ledger}<<<<<<< HEAD\n||||||| base\n=======\n>>>>>>> theirs\nnote | to | self\n`;
    expect(parseLedger(messy)).toEqual([row({}), row({})]);
    expect(parseLedger(messy.replaceAll("\n", "\r\n"))).toEqual([row({}), row({})]);
  });

  it("takes no part of a torn last line for a row, wherever it was torn", () => {
    const whole = ledgerLine(row({ status: "succeeded", detail: "a | b \\" }));
    for (let length = 0; length < whole.length; length += 1) {
      expect(parseLedger(`${ledgerLine(row({}))}\n${whole.slice(0, length)}`)).toEqual([row({})]);
    }
  });

  it.each<{ name: string; cells: readonly string[] }>([
    { name: "a task id that is a path", cells: ["2026-11-20T14:15:30Z", "../../x", "docs", "1", "queued", ""] },
    { name: "a session that is a path", cells: ["2026-11-20T14:15:30Z", TASK, "../docs", "1", "queued", ""] },
    { name: "a status nobody knows", cells: ["2026-11-20T14:15:30Z", TASK, "docs", "1", "paused", ""] },
    {
      name: "a status that is a property of every object",
      cells: ["2026-11-20T14:15:30Z", TASK, "docs", "1", "constructor", ""],
    },
    { name: "run 0", cells: ["2026-11-20T14:15:30Z", TASK, "docs", "0", "queued", ""] },
    { name: "a run beyond all counting", cells: ["2026-11-20T14:15:30Z", TASK, "docs", "9".repeat(30), "queued", ""] },
    { name: "a local time", cells: ["2026-11-20T14:15:30+01:00", TASK, "docs", "1", "queued", ""] },
    { name: "a cell too few", cells: ["2026-11-20T14:15:30Z", TASK, "docs", "1", "queued"] },
    { name: "a cell too many", cells: ["2026-11-20T14:15:30Z", TASK, "docs", "1", "queued", "", ""] },
  ])("does not take a line with $name for a row", ({ cells }) => {
    expect(parseLedger(`| ${cells.join(" | ")} |`)).toEqual([]);
  });
});

describe("foldLedger", () => {
  const STATUSES: readonly TaskStatus[] = [
    "queued",
    "running",
    "verifying",
    "stopping",
    "cancelled",
    "failed",
    "succeeded",
  ];

  it.each(STATUSES.map((status, rank) => ({ status, lower: STATUSES.slice(0, rank) })))(
    "lets $status win over every status below it in the same run",
    ({ status, lower }) => {
      for (const below of lower) {
        const rows = [row({ status, time: "2026-01-01T00:00:00Z" }), row({ status: below })];
        expect(foldLedger(rows).get(TASK)?.status).toBe(status);
        expect(foldLedger(rows.toReversed()).get(TASK)?.status).toBe(status);
      }
    },
  );

  it("lets a later run win over every status of an earlier one", () => {
    expect(foldLedger([row({ status: "succeeded" }), row({ run: 2 })]).get(TASK)?.run).toBe(2);
    expect(foldLedger([row({ run: 10 }), row({ run: 9, status: "failed" })]).get(TASK)?.run).toBe(10);
  });

  it("is the same for any order and any repetition", () => {
    const histories = ledgerRows().chain((rows) =>
      fc.record({
        rows: fc.constant(rows),
        shuffled: fc.shuffledSubarray([...rows, ...rows], { minLength: rows.length * 2 }),
      }),
    );
    fc.assert(
      fc.property(histories, ({ rows, shuffled }) => {
        expect(states(shuffled)).toEqual(states(rows));
      }),
    );
  });

  it("is associative, commutative and idempotent over unions, so that folded parts may be folded again", () => {
    fc.assert(
      fc.property(ledgerRows(), ledgerRows(), ledgerRows(), (a, b, c) => {
        const whole = states([...a, ...b, ...c]);
        expect(states([...c, ...foldLedger([...b, ...a]).values()])).toEqual(whole);
        expect(states([...foldLedger(a).values(), ...foldLedger([...b, ...c, ...b]).values()])).toEqual(whole);
      }),
    );
  });
});

describe("appendRows", () => {
  it("makes a ledger that starts with its version and reads well as Markdown", () => {
    expect(appendRows(undefined, [row({})])).toBe(
      [
        "<!-- codex-inbox ledger v2: one row per change of state, added at the end. Order and repeated rows do not matter. -->",
        "",
        "# Tasks",
        "",
        "| time | task | session | run | result | status | detail |",
        "| --- | --- | --- | ---: | --- | --- | --- |",
        `| 2026-11-20T14:15:30.000Z | ${TASK} | docs | 1 |  | queued |  |`,
        "",
      ].join("\n"),
    );
  });

  it("is not given again what a compaction has taken out: the last row of a task stands for those before", () => {
    const rows = [row({}), row({ status: "running" }), row({ status: "succeeded" })];
    const compacted = latestRows(text(undefined, rows));
    expect(parseLedger(String(compacted))).toHaveLength(1);
    expect(appendRows(String(compacted), rows)).toBe("unchanged");
    expect(parseLedger(text(String(compacted), [...rows, row({ task: OTHER })]))).toHaveLength(2);
  });

  it("takes rows of a later run beside the last row of the one before, which it has", () => {
    const first = [row({}), row({ status: "failed" })];
    const again = row({ run: 2 });
    const compacted = String(latestRows(text(undefined, first)));
    const rows = parseLedger(text(compacted, [...first, again]));
    expect(rows.map(({ run, status }) => `${run} ${status}`)).toEqual(["1 failed", "2 queued"]);
  });

  it("changes nothing the second time, and makes no ledger for nothing", () => {
    expect(appendRows(undefined, [])).toBe("unchanged");
    fc.assert(
      fc.property(ledgerRows(), ledgerRows(), (before, rows) => {
        const once = text(text(undefined, before), rows);
        expect(appendRows(once, rows)).toBe("unchanged");
        expect(appendRows(once.replaceAll("\n", "\r\n"), rows)).toBe("unchanged");
        expect(states(parseLedger(once))).toEqual(states([...before, ...rows]));
      }),
    );
  });

  it("leaves what is there as it is, byte for byte", () => {
    const before = `${text(undefined, [row({})])}a note of the user\n`;
    const after = text(before, [row({ status: "running" })]);
    expect(after).toBe(`${before}${ledgerLine(row({ status: "running" }))}\n`);
  });

  it("starts a new line after a torn one", () => {
    const torn = text(undefined, [row({})]).slice(0, -20);
    const after = text(torn, [row({ status: "running" })]);
    expect(after.startsWith(`${torn}\n`)).toBe(true);
    expect(parseLedger(after)).toEqual([row({ status: "running" })]);
  });

  it("puts the header back where somebody removed it", () => {
    const bare = `${ledgerLine(row({}))}\n`;
    expect(parseLedger(text(bare, [row({ run: 2 })]))).toEqual([row({}), row({ run: 2 })]);
    expect(text(bare, [row({ run: 2 })])).toMatch(/^<!-- codex-inbox ledger v2/);
  });
});

describe("rotateLedger", () => {
  const closedRow = (run: number): LedgerRow => row({ run, status: "failed", detail: "ä".repeat(10) });
  const openRows = [row({ task: OTHER }), row({ task: OTHER, status: "running" })];

  it("does nothing while the closed rows fit, however many open ones there are", () => {
    const closedLine = Buffer.byteLength(`${ledgerLine(closedRow(1))}\n`);
    const manyOpen = Array.from({ length: 50 }, (_, index) => row({ task: OTHER, run: index + 1 }));
    const ledger = text(undefined, [closedRow(1), closedRow(2), ...manyOpen]);
    const isOpen = (task: string): boolean => task === OTHER;
    expect(rotateLedger(ledger, isOpen, closedLine * 2)).toBeUndefined();
    expect(rotateLedger(ledger, isOpen, closedLine * 2 - 1)).toBeDefined();
  });

  it("keeps every row of an open task and groups the others by the date of their task", () => {
    const ledger = text(undefined, [row({}), ...openRows, row({ status: "succeeded" }), row({})]);
    const later = row({ task: "20261231-235959-zzzzzz", status: "failed", time: "2027-01-01T00:00:10.000Z" });
    const rotation = rotateLedger(text(ledger, [later]), (task) => task === OTHER, 0);
    expect(rotation?.ledger).toBe(text(undefined, openRows));
    expect([...(rotation?.closed ?? [])]).toEqual([
      ["2026-11-20", [row({}), row({ status: "succeeded" })]],
      ["2026-12-31", [later]],
    ]);
  });

  it("keeps prose and rows of a later version, and drops conflict markers and repeated headers", () => {
    const ledger = text(undefined, [row({})]);
    const future = `| 2026-11-20T14:15:30.000Z | ${TASK} | docs | 1 | paused | |`;
    const messy = `${ledger}<<<<<<< HEAD\n${ledger}=======\n${future}\n>>>>>>> theirs\nmy note\n`;
    expect(rotateLedger(messy, () => false, 0)?.ledger).toBe(
      `${ledger.replace(`${ledgerLine(row({}))}\n`, "")}${future}\nmy note\n`,
    );
  });

  it("loses no row and changes no state", () => {
    fc.assert(
      fc.property(ledgerRows(), fc.func(fc.boolean()), (rows, isOpen) => {
        const ledger = text(undefined, rows);
        const rotation = rotateLedger(ledger, isOpen, 0);
        const kept = parseLedger(rotation?.ledger ?? ledger);
        const moved = [...(rotation?.closed.values() ?? [])].flat();
        expect(states([...moved, ...kept])).toEqual(states(rows));
        expect(new Set([...moved, ...kept].map(ledgerLine))).toEqual(new Set(rows.map(ledgerLine)));
        expect(kept.every(({ task }) => isOpen(task))).toBe(true);
        expect(moved.some(({ task }) => isOpen(task))).toBe(false);
      }),
    );
  });

  it("can be applied to another tip: only the rows that were moved are taken out", () => {
    const planned = text(undefined, [closedRow(1), ...openRows]);
    const closed = [...(rotateLedger(planned, (task) => task === OTHER, 0)?.closed.values() ?? [])].flat();
    const tip = text(planned, [closedRow(2)]);
    expect(withoutRows(tip, closed)).toBe(text(undefined, [...openRows, closedRow(2)]));
    expect(withoutRows(text(undefined, openRows), closed)).toBe("unchanged");
  });
});

describe("isFinal", () => {
  it("is true for the three ways a task can end", () => {
    const final = (["queued", "running", "verifying", "stopping", "cancelled", "failed", "succeeded"] as const).filter(
      isFinal,
    );
    expect(final).toEqual(["cancelled", "failed", "succeeded"]);
  });
});

describe("latestRows", () => {
  it("leaves what every task has come to, one row each, and what is no row of ours", () => {
    fc.assert(
      fc.property(
        ledgerRows().filter(({ length }) => length > 0),
        ledgerRows(),
        (rows, others) => {
          const ledger = `${text(undefined, rows)}a note\n`;
          const latest = latestRows(ledger);
          const compact = latest === "unchanged" ? ledger : latest;
          expect(parseLedger(compact)).toHaveLength(new Set(rows.map(({ task }) => task)).size);
          expect(states(parseLedger(compact))).toEqual(states(rows));
          expect(states([...parseLedger(compact), ...others])).toEqual(states([...rows, ...others]));
          expect(compact).toContain("# Tasks\n");
          expect(compact).toContain("a note\n");
          expect(latestRows(compact)).toBe("unchanged");
        },
      ),
    );
  });
});

describe("movedLinks", () => {
  it("changes the links below a folder, from wherever the ledger lies, and no other", () => {
    const linked = (path: string) => row({ status: "failed", result: { title: "x", path } });
    const rows = [linked("sessions/docs/2026-11-20/x.md"), linked("sessions/docs2/2026-11-20/x.md"), row({})];
    for (const up of ["", "../../"]) {
      const moved = movedLinks(append(undefined, asKept(rows), up), "sessions/docs", "archive/2026-11-21/docs", up);
      expect(moved).toContain(`](${up}archive/2026-11-21/docs/2026-11-20/x.md)`);
      expect(parseLedger(moved).map(({ result }) => result?.path)).toEqual([
        ...["archive/2026-11-21/docs/2026-11-20/x.md", "sessions/docs2/2026-11-20/x.md", undefined],
      ]);
    }
    expect(movedLinks(append(undefined, asKept(rows)), "sessions/other", "archive/x")).toBe("unchanged");
  });
});
