import { createRanking, fittingLines, LINES_MAX, type MemoryLine } from "../task/notes/memory-rank.ts";
import { TERM_LENGTH_MAX, TERMS_MAX, tidyTerm } from "../task/notes/memory-terms.ts";
import { createTermMatcher } from "../task/notes/term-match.ts";
import { plainLine, shortenAround } from "../task/text/plain-line.ts";
import { isNotePath, isNoteSized, noteRoots } from "./note-files.ts";
import { runTool, type ToolEnd, type ToolLimits } from "./run-tool.ts";
import { findSearchTools, type SearchTool, type ToolPlaces } from "./search-tool.ts";

export interface MemoryOptions extends ToolPlaces {
  /** Absolute. */
  readonly workspaceDir: string;
  /** Whether a note (path relative to the workspace) may be told of; all may unless given. */
  readonly mayTell?: (path: string) => Promise<boolean>;
}

export interface SearchLimits extends Partial<ToolLimits> {
  /** Code points of `MemoryResult.text`. */
  readonly charactersMax: number;
}

/** What the notes say of some terms. */
export interface MemoryResult {
  /** The best first. */
  readonly lines: readonly MemoryLine[];
  /** The same as `path:line text`, one per line. */
  readonly text: string;
  /** What searched; "none" where there was nothing to search, or nothing to search with. */
  readonly tool: SearchTool["name"] | "none";
  /** There was more to find: it had no room, or the search was cut off (then better lines may be missing). */
  readonly truncated: boolean;
}

/** The notes of a workspace, `MEMORY.md` and the Markdown files below `memory/`, as they lie on the disk. */
export interface Memory {
  /** Returns the lines that hold one of `terms`; never rejects for what is wrong with notes or tools. */
  search(terms: readonly string[], limits: SearchLimits): Promise<MemoryResult>;
}

/** A task waits for its search. */
const TIME_MS = 5_000;
const OUTPUT_BYTES = 32 * 1024 * 1024;
/** Of what is shown of a line, without its path. */
const LINE_CHARACTERS_MAX = 300;

const NOTHING: MemoryResult = { lines: [], text: "", tool: "none", truncated: false };

export function createMemory(options: MemoryOptions): Memory {
  const { workspaceDir, mayTell = async () => true } = options;
  const told = async (lines: readonly MemoryLine[]): Promise<readonly MemoryLine[]> => {
    const answers = new Map<string, boolean>();
    for (const { path } of lines) if (!answers.has(path)) answers.set(path, await mayTell(path));
    return lines.filter(({ path }) => answers.get(path));
  };
  return {
    async search(terms, { charactersMax, timeMs = TIME_MS, outputBytes = OUTPUT_BYTES }) {
      const wanted = [...new Set(terms.map(tidyTerm))].filter((term) => term !== "" && term.length <= TERM_LENGTH_MAX);
      const roots = wanted.length === 0 || charactersMax <= 0 ? [] : noteRoots(workspaceDir);
      if (roots.length === 0) return NOTHING;
      for (const tool of findSearchTools(options)) {
        const found = await searchWith(tool, wanted.slice(0, TERMS_MAX), { workspaceDir, roots, timeMs, outputBytes });
        if (found.end === "unusable") continue;
        const { lines, text } = fittingLines(await told(found.best), charactersMax);
        const isMore = lines.length < found.best.length || found.best.length === LINES_MAX;
        return { lines, text, tool: tool.name, truncated: found.end === "cut off" || isMore };
      }
      return NOTHING;
    },
  };
}

interface Search extends ToolLimits {
  readonly workspaceDir: string;
  readonly roots: readonly string[];
}

async function searchWith(
  tool: SearchTool,
  terms: readonly string[],
  { workspaceDir, roots, ...limits }: Search,
): Promise<{ readonly end: ToolEnd; readonly best: readonly MemoryLine[] }> {
  const matcher = createTermMatcher(terms);
  const ranking = createRanking(matcher);
  let path: string | undefined;
  const end = await runTool(tool, { dir: workspaceDir, roots, patterns: matcher.patterns }, limits, {
    file(bytes) {
      const name = bytes.toString();
      path = isNotePath(name) && (tool.knowsSizes || isNoteSized(workspaceDir, bytes)) ? name : undefined;
    },
    line(line, data, start, textEnd) {
      if (path !== undefined)
        ranking.add(path, line, matcher.maskOf(data, start, textEnd), () => data.toString("utf8", start, textEnd));
    },
  });
  const best = ranking.best((text, mask) => {
    const plain = plainLine(text);
    return shortenAround(plain, matcher.firstIn(plain, mask), LINE_CHARACTERS_MAX);
  });
  return { end, best };
}
