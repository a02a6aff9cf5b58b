/**
 * What a search of the notes costs beside the tool that does it.
 *
 *   npx node bench/memory.ts [--notes 10000] [--rounds 20] [--smoke]
 *
 * Makes a tree of notes, searches it for the words of a prompt, and prints for each tool the time of a search, the tool's own time
 * on the same tree (same arguments, its output read and thrown away), and the difference. Rounds take turns.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { createMemory } from "../src/memory/memory.ts";
import type { SearchTool } from "../src/memory/search-tool.ts";
import { termsOf } from "../src/task/notes/memory-terms.ts";
import { createTermMatcher } from "../src/task/notes/term-match.ts";
import { bothSearchTools, placesOf } from "../test/support/search-tools.ts";
import { median, quantile } from "./support/statistics.ts";

const LINES_PER_NOTE = 20;
const WORDS_PER_LINE = 12;
/** Words of the notes; like in a language, few of them are common and most are rare. */
const VOCABULARY = 20_000;
const CHARACTERS_MAX = 4_000;

const { values } = parseArgs({
  options: {
    notes: { type: "string", default: "10000" },
    rounds: { type: "string", default: "20" },
    smoke: { type: "boolean", default: false },
  },
});
const notes = values.smoke ? 200 : Number(values.notes);
const rounds = values.smoke ? 2 : Number(values.rounds);

const PROMPTS = {
  "rare words": `Fix the ${[9_000, 12_000, 15_000, 17_000, 19_000].map(wordAt).join(" ")} handling.`,
  "usual prompt": `Fix ${[40, 90, 200, 450, 900, 1_500, 3_000, 6_000, 9_000, 15_000].map(wordAt).join(" and ")}, please.`,
  "common words": `Say ${[0, 1, 2, 3, 4, 5, 6, 7].map(wordAt).join(", ")}.`,
} as const;

const dir = mkdtempSync(join(tmpdir(), "codex-inbox-memory-"));
try {
  makeNotes(dir);
  console.log(
    `${notes} notes of ${LINES_PER_NOTE} lines; median of ${rounds} searches (worst tenth), in milliseconds\n`,
  );
  console.log("| prompt | tool | search | tool alone | difference | lines found by the tool |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: |");
  for (const [name, prompt] of Object.entries(PROMPTS)) await measure(name, prompt);
} finally {
  rmSync(dir, { recursive: true, force: true });
}

async function measure(name: string, prompt: string): Promise<void> {
  const terms = termsOf(prompt, []);
  for (const tool of bothSearchTools()) {
    const memory = createMemory({ workspaceDir: dir, ...placesOf(tool, join(dir, "bin", name, tool.name)) });
    const ours: number[] = [];
    const alone: number[] = [];
    let lines = 0;
    for (let round = 0; round < rounds; round += 1) {
      ours.push(await timed(async () => void (await memory.search(terms, { charactersMax: CHARACTERS_MAX }))));
      const run = async (): Promise<void> => {
        lines = await runAlone(tool, createTermMatcher(terms).patterns);
      };
      alone.push(await timed(run));
    }
    const difference = (median(ours) - median(alone)).toFixed(1);
    console.log(`| ${name} | ${tool.name} | ${shown(ours)} | ${shown(alone)} | ${difference} | ${lines} |`);
  }
}

function shown(times: readonly number[]): string {
  return `${median(times).toFixed(1)} (${quantile(times, 0.9).toFixed(1)})`;
}

async function timed(action: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Returns how many lines the tool printed. */
function runAlone(tool: SearchTool, patterns: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool.path, [...tool.args, "MEMORY.md", "memory"], {
      cwd: dir,
      env: { LC_ALL: "C" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let lines = 0;
    child.on("error", reject);
    child.stdout.on("data", (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1;
    });
    child.on("close", () => resolve(lines));
    child.stdin.end(`${patterns.join("\n")}\n`);
  });
}

function makeNotes(root: string): void {
  const random = seededRandom(42);
  const line = (): string =>
    Array.from({ length: WORDS_PER_LINE }, () => wordAt(Math.floor(VOCABULARY ** random()) - 1)).join(" ");
  writeFileSync(join(root, "MEMORY.md"), `# Memory\n\n- ${line()}\n`);
  for (let note = 0; note < notes; note += 1) {
    const path = join(root, "memory", `area-${note % 100}`, `note-${note}.md`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `# ${wordAt(note)}\n\n${Array.from({ length: LINES_PER_NOTE }, line).join("\n")}\n`);
  }
}

/** The word of a rank, from 0: five to eight letters that no other word contains. */
function wordAt(rank: number): string {
  const syllables = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va"];
  const digits = [...rank.toString(16).padStart(4, "0")].map((digit) => syllables[Number.parseInt(digit, 16)] ?? "");
  return digits.join("");
}

/** Returns chances in [0, 1), the same ones for the same seed (a linear congruence is random enough here). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
