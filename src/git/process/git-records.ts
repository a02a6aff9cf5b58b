import { spawn } from "node:child_process";
import { type GitPlace, placeEnvironment } from "./git-environment.ts";
import { GIT_OPTIONS, GitError, plumbingEnvironment } from "./git-process.ts";
import { noteGit } from "./git-under-way.ts";

/** What git says on standard error beside an answer; more is not kept. */
const WARNINGS_CHARACTERS_MAX = 64 * 1024;
/** A longer record is none of ours. */
const RECORD_CHARACTERS_MAX = 1024 * 1024;

/**
 * Runs git in the repository at `place` and yields what it prints, record by record as each ends with a zero byte: however long the answer,
 * memory holds one piece of it, and git waits for its reader.
 *
 * @param onWarnings is told, at the end, of what git says beside its answer
 * @throws GitError where git ends with another status than 0, or cannot be started
 */
export async function* gitRecords(
  place: GitPlace,
  args: readonly string[],
  onWarnings: (text: string) => void = () => undefined,
): AsyncGenerator<string> {
  const child = spawn("git", [...GIT_OPTIONS, ...args], {
    cwd: place.topDir ?? place.gitDir,
    env: plumbingEnvironment(place, placeEnvironment(place)),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const answered = noteGit(child.pid, args, place.topDir ?? place.gitDir);
  let warnings = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    warnings = (warnings + text).slice(0, WARNINGS_CHARACTERS_MAX);
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", (cause) => reject(new GitError(`git ${args[0] ?? ""} cannot be started`, { cause })));
    child.on("close", (code) => resolve(code ?? 128));
  });
  ended.catch(() => undefined); // It is awaited below.
  try {
    let rest = "";
    for await (const text of child.stdout.setEncoding("utf8")) {
      const records = (rest + String(text)).split("\0");
      rest = records.pop() ?? "";
      if (rest.length > RECORD_CHARACTERS_MAX) throw new GitError(`git ${args[0] ?? ""} printed a record without end`);
      yield* records;
    }
    const status = await ended;
    if (status !== 0) throw new GitError(`git ${args[0] ?? ""}: ${warnings.trim()}`);
    if (rest !== "") yield rest;
    onWarnings(warnings);
  } finally {
    answered();
    child.kill(); // The reader may have had enough.
  }
}
