import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runTool, type ToolEnd, type ToolLimits } from "../../src/memory/run-tool.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const LIMITS: ToolLimits = { timeMs: 30_000, outputBytes: 1_000_000 };

/** Runs a tool that is this shell script; returns how it ended and the lines it found. */
async function run(
  script: string,
  limits: Partial<ToolLimits> = {},
  patterns = ["one", "two"],
): Promise<[ToolEnd, string[]]> {
  const dir = tempDir();
  const path = join(dir, "tool");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const lines: string[] = [];
  const request = { dir, roots: ["MEMORY.md"], patterns };
  const end = await runTool(
    { name: "rg", path, args: ["--"], knowsSizes: true },
    request,
    { ...LIMITS, ...limits },
    {
      file: (name) => void lines.push(name.toString()),
      line: (line, data, start, textEnd) => void lines.push(`${line} ${data.toString("utf8", start, textEnd)}`),
    },
  );
  return [end, lines];
}

describe("runTool", () => {
  it("tells what a tool printed, with patterns on its stdin, roots as its arguments and no environment of ours", async () => {
    process.env.MEMORY_TEST_SECRET = "secret";
    const script = `tr '\\n' ' ' > seen; printf '%s' "$* $LC_ALL $MEMORY_TEST_SECRET" >> seen
      printf 'a.md\\0007:'; cat seen; printf '\\nb.md\\0008:next\\n'`;
    const [end, lines] = await run(script);
    delete process.env.MEMORY_TEST_SECRET;
    expect([end, lines]).toEqual(["complete", ["a.md", "7 one two -- MEMORY.md C ", "b.md", "8 next"]]);
  });

  it.each<{ name: string; script: string; end: ToolEnd; count: number }>([
    { name: "takes status 1 for nothing found", script: "exit 1", end: "complete", count: 0 },
    {
      name: "takes what a tool found before it met an unreadable file",
      script: "printf 'a\\0001:x\\n'; exit 2",
      end: "complete",
      count: 2,
    },
    { name: "does not trust a tool that fails at once", script: "exit 2", end: "unusable", count: 0 },
    { name: "does not trust a tool that cannot be started", script: "exit 127", end: "unusable", count: 0 },
    { name: "does not trust a tool that dies", script: "kill -9 $$", end: "unusable", count: 0 },
    { name: "reads the last line when it has no end", script: "printf 'a\\0001:x'", end: "complete", count: 2 },
  ])("$name", async ({ script, end, count }) => {
    const [ended, lines] = await run(script);
    expect([ended, lines.length]).toEqual([end, count]);
  });

  it("reports a program that is not there", async () => {
    const tool = { name: "rg", path: "/nowhere/rg", args: [], knowsSizes: true } as const;
    const request = { dir: tempDir(), roots: [], patterns: [] };
    expect(await runTool(tool, request, LIMITS, { file: () => undefined, line: () => undefined })).toBe("unusable");
  });

  it("minds no tool that does not read its patterns", async () => {
    expect(await run("exit 1", {}, Array(20_000).fill("pattern"))).toEqual(["complete", []]);
  });

  it("cuts off a tool that prints too much, and keeps what came before", async () => {
    const [end, lines] = await run("while :; do printf 'a.md\\0001:more\\n'; done", { outputBytes: 10_000 });
    expect(end).toBe("cut off");
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.at(-1)).toBe("1 more");
  });

  it("cuts off a tool that takes too long, and ends it", async () => {
    const pidFile = join(tempDir(), "pid");
    const [end] = await run(`echo $$ > ${pidFile}; exec sleep 1000`, { timeMs: 1_000 });
    expect(end).toBe("cut off");
    // On a very busy machine it may have been ended before it could write its id.
    const pid = existsSync(pidFile) ? readFileSync(pidFile, "utf8").trim() : "none";
    await waitFor(() => !existsSync(`/proc/${pid}`), { what: "the end of the tool" });
  });
});
