import { runProgram } from "../base/process/run-program.ts";
import { createMatchReader, type MatchListener } from "./match-reader.ts";
import type { SearchTool } from "./search-tool.ts";

/** What one search may cost. */
export interface ToolLimits {
  readonly timeMs: number;
  /** Bytes of output that are read. */
  readonly outputBytes: number;
}

/** How a tool ended: it looked at everything, it was cut off by a limit, or it cannot do this here. */
export type ToolEnd = "complete" | "cut off" | "unusable";

/** Status 0: lines were found; 1: none; 2: something went wrong, which may be a single unreadable file. */
const STATUS_TROUBLE = 2;

/**
 * Runs a search tool in `dir` over `roots`, telling `listener` of each line as it comes. It gets no environment of ours but the locale "C",
 * and the patterns on its standard input, so that none of them can be an option. Never rejects.
 */
export async function runTool(
  tool: SearchTool,
  request: { readonly dir: string; readonly roots: readonly string[]; readonly patterns: readonly string[] },
  limits: ToolLimits,
  listener: MatchListener,
): Promise<ToolEnd> {
  const reader = createMatchReader(listener);
  let hasOutput = false;
  const { status, fault } = await runProgram(tool.path, [...tool.args, ...request.roots], {
    ...limits,
    cwd: request.dir,
    env: { LC_ALL: "C" },
    input: request.patterns.map((pattern) => `${pattern}\n`).join(""),
    onStdout(chunk) {
      hasOutput = true;
      reader.push(chunk);
    },
  });
  if (fault === "out of time" || fault === "too much output") return "cut off";
  if (status === undefined || status > STATUS_TROUBLE || (status === STATUS_TROUBLE && !hasOutput)) return "unusable";
  reader.end();
  return "complete";
}
