import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createRanking, fittingLines } from "../../src/task/notes/memory-rank.ts";
import { createTermMatcher } from "../../src/task/notes/term-match.ts";
import { plainLine, shortenAround } from "../../src/task/text/plain-line.ts";

/** What a search of the notes is to return, found without any tool: every file is read, every line is looked at. */
export function searchPlainly(dir: string, terms: readonly string[], charactersMax: number): string {
  const matcher = createTermMatcher(terms);
  const ranking = createRanking(matcher);
  const spellings = terms.map((term) => createTermMatcher([term]).patterns);
  for (const path of notesOf(dir)) {
    const lines = readFileSync(join(dir, path), "latin1").split("\n");
    if (lines.at(-1) === "") lines.pop();
    for (const [index, line] of lines.entries()) {
      const small = line.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
      const held = spellings.map((forms) => forms.some((form) => small.includes(Buffer.from(form).toString("latin1"))));
      const mask = held.reduce((sum, holds, bit) => (holds ? sum + 2 ** bit : sum), 0);
      if (!line.includes("\0")) ranking.add(path, index + 1, mask, () => Buffer.from(line, "latin1").toString());
    }
  }
  const best = ranking.best((text, mask) => {
    const plain = plainLine(text);
    return shortenAround(plain, matcher.firstIn(plain, mask), 300);
  });
  return fittingLines(best, charactersMax).text;
}

function notesOf(dir: string): readonly string[] {
  const memory = readdirSync(join(dir), { recursive: true, encoding: "utf8" });
  return memory.filter(
    (path) =>
      (path === "MEMORY.md" || path.startsWith("memory/")) &&
      lstatSync(join(dir, path)).isFile() &&
      path.toLowerCase().endsWith(".md") &&
      !/(^|\/)\./.test(path) &&
      !/(^|\/)readme\.md$/i.test(path),
  );
}
