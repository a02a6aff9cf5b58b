/**
 * Which ranking of notes puts the right lines first: ours, or minisearch (BM25+), with its defaults and with prefixes and typing
 * errors allowed.
 *
 *   node --expose-gc bench/notes-ranking.ts [--lines 10000] [--rounds 5] [--smoke]
 *
 * Labelled notes (bench/notes/labelled-notes.ts) lie among generated ones that use the same words. Prints for each ranking how often
 * the first line is right (P@1), how many of the right ones are among the first three (recall@3), the mean reciprocal rank, the time
 * of an answer (reading and indexing included where there is an index), the longest time the event loop was held up, and what it
 * keeps in memory.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import MiniSearch from "minisearch";
import { createMemory } from "../src/memory/memory.ts";
import { termsOf } from "../src/task/notes/memory-terms.ts";
import { seededRandom } from "../test/support/seeded-random.ts";
import { NOTES, QUESTIONS } from "./notes/labelled-notes.ts";
import { median } from "./support/statistics.ts";

const { values } = parseArgs({
  options: {
    lines: { type: "string", default: "10000" },
    rounds: { type: "string", default: "5" },
    smoke: { type: "boolean", default: false },
  },
});
const lineCount = values.smoke ? 300 : Number(values.lines);
const rounds = values.smoke ? 1 : Number(values.rounds);
const LINES_PER_NOTE = 20;
/** The index of the last answer, so that it can be weighed. */
const kept: unknown[] = [];

interface Ranker {
  readonly name: string;
  /** Returns the lines for a prompt, the best first. */
  answer(prompt: string): Promise<readonly string[]>;
}

const dir = mkdtempSync(join(tmpdir(), "codex-inbox-notes-"));
try {
  makeNotes();
  console.log(`${lineCount} lines of generated notes, ${QUESTIONS.length} questions, median of ${rounds} rounds\n`);
  console.log("| ranking | P@1 | recall@3 | MRR | one answer, ms | loop held up, ms | heap kept, MB |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
  await measure(ours);
  await measure(() => withMinisearch("minisearch", {}));
  await measure(() => withMinisearch("minisearch, prefix and fuzzy", { prefix: true, fuzzy: 0.2 }));
} finally {
  rmSync(dir, { recursive: true, force: true });
}

function ours(): Ranker {
  const memory = createMemory({
    workspaceDir: dir,
    environment: process.env,
    packageDir: join(import.meta.dirname, ".."),
  });
  return {
    name: "ours",
    async answer(prompt) {
      const { lines } = await memory.search(termsOf(prompt, []), { charactersMax: 4_000 });
      return lines.map(({ text }) => text);
    },
  };
}

/** Notes change between two tasks: an index is made for each answer, as ours reads the notes for each. */
function withMinisearch(name: string, options: { readonly prefix?: boolean; readonly fuzzy?: number }): Ranker {
  return {
    name,
    async answer(prompt) {
      const index = new MiniSearch<{ id: number; text: string }>({ fields: ["text"], storeFields: ["text"] });
      let id = 0;
      for (const path of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
        if (!path.endsWith(".md")) continue;
        for (const text of readFileSync(join(dir, path), "utf8").split("\n")) {
          id += 1;
          if (text !== "") index.add({ id, text });
        }
      }
      kept.push(index);
      return index.search(termsOf(prompt, []).join(" "), options).map((found) => String(found.text));
    },
  };
}

async function measure(make: () => Ranker): Promise<void> {
  const ranker = make();
  const gained = { first: 0, recall: 0, reciprocal: 0 };
  const times: number[] = [];
  const delays: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const { prompt, best } of QUESTIONS) {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      await new Promise((resolve) => setTimeout(resolve, 5));
      kept.length = 0;
      const begun = performance.now();
      const lines = await ranker.answer(prompt);
      times.push(performance.now() - begun);
      await new Promise((resolve) => setTimeout(resolve, 5));
      delay.disable();
      delays.push(delay.max / 1e6);
      if (round > 0) continue;
      const ranks = best.map((start) => lines.findIndex((line) => line.startsWith(start)));
      const first = Math.min(...ranks.map((rank) => (rank === -1 ? Number.POSITIVE_INFINITY : rank)));
      if (first === 0) gained.first += 1;
      gained.recall += ranks.filter((rank) => rank !== -1 && rank < 3).length / best.length;
      gained.reciprocal += 1 / (first + 1);
    }
  }
  globalThis.gc?.();
  const withIndex = process.memoryUsage().heapUsed;
  kept.length = 0;
  globalThis.gc?.();
  const heap = (withIndex - process.memoryUsage().heapUsed) / 1e6;
  const share = (sum: number): string => (sum / QUESTIONS.length).toFixed(2);
  const cells = [share(gained.first), share(gained.recall), share(gained.reciprocal), median(times).toFixed(1)];
  console.log(`| ${[ranker.name, ...cells, Math.max(...delays).toFixed(1), heap.toFixed(1)].join(" | ")} |`);
}

/** The labelled notes, among lines that share their words: two to four words of a labelled line, and others. */
function makeNotes(): void {
  const random = seededRandom(1);
  const labelled = Object.values(NOTES).flat();
  const words = labelled.flatMap((line) => line.match(/[A-Za-z]{3,}/g) ?? []);
  const word = (): string =>
    random.chance(0.3) ? (words[random.below(words.length)] ?? "") : `w${random.below(4_000)}`;
  for (const [path, lines] of Object.entries(NOTES)) put(path, lines);
  for (let note = 0; note * LINES_PER_NOTE < lineCount; note += 1) {
    const lines = Array.from({ length: LINES_PER_NOTE }, () => Array.from({ length: 12 }, word).join(" "));
    put(`memory/notes/${note % 50}/${note}.md`, lines);
  }
}

function put(path: string, lines: readonly string[]): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), `${lines.join("\n")}\n`);
}
