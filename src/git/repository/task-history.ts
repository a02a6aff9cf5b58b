import { CoordinatorError } from "../../base/errors.ts";
import type { FinalStatus } from "../../task/ledger/ledger.ts";
import { type GitPlace, gitEnvironment, placeEnvironment } from "../process/git-environment.ts";
import { gitRecords } from "../process/git-records.ts";

/** One finished task, as its commit tells it. */
export interface HistoryEntry {
  readonly commit: string;
  /** ISO 8601 with the committer's zone. */
  readonly committedAt: string;
  readonly task: string;
  readonly session: string;
  readonly status: string;
  readonly subject: string;
}

/** The finished tasks of a branch, read from the trailers of its commits. */
export interface TaskHistory {
  /** The newest `count` finished tasks, of `session` and with one of `statuses` where these are given; newest first. */
  newest(count: number, session?: string, statuses?: readonly FinalStatus[]): Promise<readonly HistoryEntry[]>;
  /** Finished tasks whose id contains `part`, newest first, at most `count`. Reads the whole history if it must. */
  withId(part: string, count: number): Promise<readonly HistoryEntry[]>;
  /** The same of those whose thread's id contains `part`. */
  inThread(part: string, count: number): Promise<readonly HistoryEntry[]>;
  /** The same of those whose session's key contains `part`. */
  inSession(part: string, count: number): Promise<readonly HistoryEntry[]>;
}

const FORMAT = [
  "%H",
  "%cI",
  "%(trailers:key=Task-Id,valueonly,separator=%x20)",
  "%(trailers:key=Session-Key,valueonly,separator=%x20)",
  "%(trailers:key=Task-Status,valueonly,separator=%x20)",
  "%s",
].join("%x00");

/** Opens the history of `branch` ("refs/heads/main") in the repository at `place`. */
export function createTaskHistory(place: Required<GitPlace>, branch: string): TaskHistory {
  /** Loaded with the first question: it takes 16 ms, and most commands ask none. */
  const git = async (args: readonly string[]): Promise<string> => {
    const { simpleGit } = await import("simple-git");
    const fixed = placeEnvironment(place);
    return simpleGit({ baseDir: place.topDir, allowEnvironment: Object.keys(fixed) })
      .env({ ...gitEnvironment(process.env), ...fixed })
      .raw([...args]);
  };
  const log = async (count: number, ...lines: readonly string[]): Promise<readonly HistoryEntry[]> => {
    const options = [`--max-count=${count}`, "--no-color", "--no-show-signature", "--no-decorate", "--extended-regexp"];
    const args = [
      "log",
      ...options,
      "--all-match",
      ...lines.map((line) => `--grep=${line}`),
      `--format=${FORMAT}%x01`,
      branch,
      "--",
    ];
    try {
      return (await git(args)).split("\x01").flatMap(parseEntry);
    } catch (cause) {
      const said = String(cause instanceof Error ? cause.message : cause).trim();
      if (/unknown revision|bad revision|does not have any commits/.test(said)) return []; // A branch without commits.
      throw new CoordinatorError("CONFIG", `cannot read the history of ${branch}: ${said}`, { cause });
    }
  };

  return {
    newest: (count, session, statuses = []) =>
      log(
        count,
        "^Task-Id: ",
        ...(session === undefined ? [] : [`^Session-Key: ${keyPattern(session)}$`]),
        ...(statuses.length === 0 ? [] : [`^Task-Status: (${statuses.join("|")})$`]),
      ),
    withId: (part, count) => log(count, `^Task-Id: [0-9a-z-]*${part.replace(/[^0-9a-z-]/g, "")}`),
    inThread: (part, count) => log(count, "^Task-Id: ", `^Codex-Thread: [0-9a-f-]*${part.replace(/[^0-9a-f-]/g, "")}`),
    inSession: (part, count) => log(count, "^Task-Id: ", `^Session-Key: .*${keyPattern(part)}`),
  };
}

/**
 * Yields the finished tasks that the commits reachable from `tip` tell of, the newest first, at most `count`; all where that is
 * `undefined`. One is in memory at a time.
 *
 * @throws GitError
 */
export async function* taskHistory(
  place: GitPlace,
  tip: string,
  count: number | undefined,
): AsyncGenerator<HistoryEntry> {
  const limits = count === undefined ? [] : [`--max-count=${count}`];
  const plain = ["--no-color", "--no-show-signature", "--no-decorate", "--grep=^Task-Id: "];
  const format = `--format=${FORMAT.replaceAll("%x00", "%x1f")}`;
  for await (const record of gitRecords(place, ["log", "-z", ...limits, ...plain, format, tip, "--"]))
    yield* parseEntry(record.replaceAll("\u001f", "\0"));
}

/** Any character that no key has matches nothing. */
function keyPattern(key: string): string {
  return key.replaceAll(/[^A-Za-z0-9/_-]/g, (character) => (character === "." ? "[.]" : "$.^"));
}

function parseEntry(record: string): readonly HistoryEntry[] {
  const [commit = "", committedAt = "", task = "", session = "", status = "", ...subject] = record
    .trimStart()
    .split("\0");
  return task === "" ? [] : [{ commit, committedAt, task, session, status, subject: subject.join(" ") }];
}
