import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { createObjectReader } from "../../../src/git/objects/object-reader.ts";
import type { GitPlace } from "../../../src/git/process/git-environment.ts";
import { GIT_ANSWER_MS, runGit } from "../../../src/git/process/git-process.ts";
import { createGitShell } from "../../../src/git/process/git-shell.ts";
import { findStoppedGit } from "../../../src/git/process/git-under-way.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

/** Puts a git on the PATH that stops as if by Ctrl-Z as soon as it is started, the first `times`; returns the ids of those. */
function stoppingGit(times: number): () => readonly number[] {
  const dir = tempDir();
  const pids = join(dir, "pids");
  writeFileSync(pids, "");
  const script = `#!/bin/sh\necho $$ >> ${pids}\n[ $(wc -l < ${pids}) -le ${times} ] && kill -STOP $$\necho done\n`;
  writeFileSync(join(dir, "git"), script, { mode: 0o755 });
  vi.stubEnv("PATH", `${dir}:${process.env.PATH ?? ""}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return () => readFileSync(pids, "utf8").split("\n").filter(Boolean).map(Number);
}

const PLACE: GitPlace = { gitDir: "/", topDir: "/" };

function stateOf(pid: number): string | undefined {
  try {
    return /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

it.each<{ name: string; ask: () => Promise<unknown>; stops: number; answer: unknown }>([
  {
    name: "run for one answer",
    ask: () => runGit(PLACE, ["write-tree"]),
    stops: 1,
    answer: expect.objectContaining({
      status: 128,
      isLate: true,
      stderr: expect.stringMatching(/^no answer for 1200000 ms/),
    }),
  },
  {
    name: "started by our shell, and is started once more without it",
    ask: () => createGitShell().run(PLACE, ["ls-files"]),
    stops: 1,
    answer: expect.objectContaining({ status: 0, stdout: Buffer.from("done\n") }),
  },
  {
    name: "that reads objects, and another one answers",
    ask: () => createObjectReader(PLACE).read("HEAD").then(String, String),
    stops: 1,
    answer: "undefined",
  },
])(
  "a git that was stopped is killed when its time is over, and everybody goes on: $name",
  async ({ ask, stops, answer }) => {
    const late: (() => void)[] = [];
    const { setTimeout: original } = globalThis;
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((work: () => void, ms?: number) => {
      if (ms === GIT_ANSWER_MS) late.push(work);
      return original(work, ms);
    }) as typeof setTimeout);
    onTestFinished(() => void vi.restoreAllMocks());
    const pids = stoppingGit(stops);
    const answered = ask();
    await waitFor(() => pids().length === stops && pids().every((pid) => stateOf(pid) === "T"), {
      what: "a stopped git",
    });
    // It is said at once, and nothing is done about it: whoever has stopped it may let it go on.
    const [pid] = pids();
    const reason = `was stopped (process ${pid}), and is waited for: kill -CONT ${pid} lets it go on`;
    expect(findStoppedGit()).toEqual({ pid, sinceMs: expect.any(Number), reason: expect.stringContaining(reason) });
    expect(findStoppedGit()?.reason).toMatch(/^git (write-tree|ls-files|cat-file) in \/ was/);
    for (const work of late) work();
    expect(await answered).toEqual(answer);
    expect(findStoppedGit()).toBeUndefined();
    await waitFor(() => pids().every((pid) => [undefined, "Z"].includes(stateOf(pid))), { what: "no git" });
  },
);
