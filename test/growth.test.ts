import { describe, expect, it } from "vitest";
import { parseEventLine } from "../src/run/codex/events/events.ts";
import { classifyRefusal, classifyTurn } from "../src/run/codex/failure/classify.ts";
import { parseDropText } from "../src/task/file/task-file.ts";
import { termsOf } from "../src/task/notes/memory-terms.ts";
import { parseTaskFile } from "../src/task/records/task-file/parsed-task-file.ts";
import { withoutTerminalCodes } from "../src/task/text/markdown.ts";
import { plainLine } from "../src/task/text/plain-line.ts";
import { renderTaskFile } from "./support/kept.ts";
import { taskRecord } from "./support/task-record.ts";

/** The larger text is so many times the smaller: linear work grows as much, quadratic work its square (64). */
const TIMES = 8;
const SMALL = 30_000;
const GROWTH_MAX = 24;
/** What is over sooner than this, at 240,000 characters, is not measured well, and not slow: the patterns as they were took 20 s and more. */
const NOISE_MS = 60;

/** Processor time of `work` in milliseconds, the least of some tries: others at work on the machine do not count. */
function cost(work: () => unknown, tries: number): number {
  const costs = Array.from({ length: tries }, () => {
    const before = process.cpuUsage();
    work();
    return process.cpuUsage(before).user / 1_000;
  });
  return Math.min(...costs);
}

/** By what factor the work grows from the smaller text to the larger; 1 where both are too little to measure. */
function growth(work: (size: number) => unknown): number {
  const small = cost(() => work(SMALL), 3);
  const large = cost(() => work(SMALL * TIMES), 2);
  return large < NOISE_MS ? 1 : large / Math.max(small, NOISE_MS / TIMES);
}

const fill = (text: string, size: number): string => text.repeat(Math.ceil(size / text.length));

/** Texts that made a pattern of the program slow, and where they come in. */
const ATTACKS: readonly { readonly name: string; readonly meet: (size: number) => unknown }[] = [
  {
    name: "a drop whose first line is dashes and blanks",
    meet: (n) => parseDropText(`---${fill("\t", n)}x!\n`, undefined),
  },
  { name: "a drop whose heading is blanks", meet: (n) => parseDropText(`# ${fill(" ", n)}\u2028x`, undefined) },
  {
    name: "a setting of codex that is blanks",
    meet: (n) => parseDropText(`---\ncodexConfig: ["a=${fill("\\t", n)}b c"]\n---\nx\n`, undefined),
  },
  { name: "a prompt that is underscores", meet: (n) => termsOf(`x${fill("_", n)}x`, []) },
  { name: "a message that names a model again and again", meet: (n) => classifyTurn(fill("MODEL ", n), undefined, 0) },
  {
    name: "a message of half a refusal",
    meet: (n) => classifyTurn(fill("content_filter incomplete response returned", n), undefined, 0),
  },
  { name: "a message of times", meet: (n) => classifyTurn(`usage limit again in ${fill("1 ", n)}`, undefined, 0) },
  {
    name: "a message of digits",
    meet: (n) => classifyTurn(`hit your usage limit again in ${fill("0", n)}\t0M`, undefined, 0),
  },
  { name: "standard error of model providers", meet: (n) => classifyRefusal(fill("uses model provider ", n), 1) },
  { name: "standard error of rollouts", meet: (n) => classifyRefusal(fill("ROLLOUT L", n), 1) },
  {
    name: "a committed task file whose list of files has no end",
    meet: (n) => {
      const file = renderTaskFile(taskRecord({ changedFiles: [{ path: "a", change: "update" }] }));
      return parseTaskFile(file.replace(/^- update.*$/m, `- x${fill(" `", n)}\u2028`));
    },
  },
  {
    name: "an event whose output is half terminal codes",
    meet: (n) => {
      const item = {
        type: "command_execution",
        id: "i",
        command: "x",
        aggregated_output: fill("\u001b]0;\u001b[1", n),
      };
      const line = JSON.stringify({ type: "item.completed", item: { ...item, exit_code: 0, status: "completed" } });
      const event = parseEventLine(line);
      return event.type === "item.completed" && withoutTerminalCodes(JSON.stringify(event.item));
    },
  },
  { name: "a note that is blanks", meet: (n) => plainLine(`x${fill(" \t\u200b", n)}x`) },
];

describe("the work that a text of others makes", () => {
  it.each(ATTACKS)("grows with its length and no faster: $name", ({ meet }) => {
    expect(growth(meet)).toBeLessThan(GROWTH_MAX);
  });

  it("is measured: a pattern that backtracks is found so", () => {
    expect(growth((size) => /^---[ \t]*(\w*)[ \t]*\r?$/.test(`---${fill("\t", size / 8)}!`))).toBeGreaterThan(
      GROWTH_MAX,
    );
  });
});
