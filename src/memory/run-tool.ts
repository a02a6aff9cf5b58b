import { spawn } from "node:child_process";
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
export function runTool(
  tool: SearchTool,
  request: { readonly dir: string; readonly roots: readonly string[]; readonly patterns: readonly string[] },
  limits: ToolLimits,
  listener: MatchListener,
): Promise<ToolEnd> {
  return new Promise((resolve) => {
    const reader = createMatchReader(listener);
    const child = spawn(tool.path, [...tool.args, ...request.roots], {
      cwd: request.dir,
      env: { LC_ALL: "C" },
      stdio: ["pipe", "pipe", "ignore"],
    });
    let outputBytes = 0;
    let isOver = false;
    const finish = (end: ToolEnd): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      resolve(end);
    };
    /** Nothing is waited for: a process that hangs in the file system cannot be killed. */
    const cutOff = (): void => {
      finish("cut off");
      child.kill("SIGKILL");
      child.stdout?.destroy();
      child.unref();
    };
    const timer = setTimeout(cutOff, limits.timeMs);
    child.on("error", () => finish("unusable"));
    // Where the process has no file descriptors left there are no pipes, whatever the types say (Node 24.21); then comes "error".
    child.stdin?.on("error", () => undefined); // It ended before it had read all patterns; its status tells.
    child.stdin?.end(request.patterns.map((pattern) => `${pattern}\n`).join(""));
    child.stdout?.on("data", (chunk: Buffer) => {
      if (isOver) return;
      outputBytes += chunk.length;
      reader.push(chunk);
      if (outputBytes > limits.outputBytes) cutOff();
    });
    child.on("close", (status) => {
      if (isOver) return;
      const isUnusable = status === null || status > STATUS_TROUBLE || (status === STATUS_TROUBLE && outputBytes === 0);
      if (!isUnusable) reader.end();
      finish(isUnusable ? "unusable" : "complete");
    });
  });
}
