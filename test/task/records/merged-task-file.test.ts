import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseTaskFile } from "../../../src/task/records/task-file/parsed-task-file.ts";
import type { TaskRecord } from "../../../src/task/records/task-file/task-record.ts";
import { renderTaskFile } from "../../support/kept.ts";
import { taskRecord } from "../../support/task-record.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Merges what two clones made of the file `base` (nothing, where both have added it), as git does under `merge=union`. */
function union(base: string, ours: string, theirs: string): string {
  const dir = tempDir();
  const paths = Object.entries({ ours, base, theirs }).map(([name, text]) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  });
  return execFileSync("git", ["merge-file", "--union", "--stdout", ...paths], { encoding: "utf8" });
}

const OURS = taskRecord({
  thread: "01a1f950-5f71-7472-a9b5-7a2032cb912c",
  source: "inbox/docs/x.md",
  startedAt: "2026-11-20T14:15:31.000Z",
  endedAt: "2026-11-20T14:16:13.000Z",
  lastMessage: "Did it.\n\nBoth ways.",
  changedFiles: [{ path: "a.ts", change: "modified" }],
  acceptedBy: "aaaaaa",
});
const THEIRS = taskRecord({
  thread: "28137247-88ca-459c-84c1-345aff9e8f66",
  source: "inbox/docs/x.md",
  acceptedAt: "2026-11-20T14:20:00.000Z",
  startedAt: "2026-11-20T14:20:01.000Z",
  endedAt: "2026-11-20T14:21:00.000Z",
  durationMs: 59_000,
  lastMessage: "I did it another way.",
  acceptedBy: "bbbbbb",
});
const queued = (record: TaskRecord): string =>
  renderTaskFile({
    ...record,
    status: "queued",
    attempts: 0,
    startedAt: undefined,
    endedAt: undefined,
    durationMs: undefined,
  });

describe("a task file that two clones have made", () => {
  it("is read as one of them and shows both answers", () => {
    for (const [first, second] of [
      [OURS, THEIRS],
      [THEIRS, OURS],
    ] as const) {
      const merged = union("", renderTaskFile(first), renderTaskFile(second));
      const file = parseTaskFile(merged);
      expect(file).toMatchObject({ id: first.id, sessionKey: "docs", status: "succeeded", prompt: first.prompt });
      expect(file?.frontMatter).toMatchObject({
        thread: first.thread,
        endedAt: first.endedAt,
        acceptedBy: first.acceptedBy,
      });
      expect(file?.result?.lastMessage).toContain(first.lastMessage.split("\n")[0]);
      for (const { lastMessage } of [first, second])
        for (const line of lastMessage.split("\n")) expect(merged).toContain(line);
      expect(merged).not.toMatch(/^(<<<<<<<|=======|>>>>>>>)/m);
    }
  });

  it("has ended if it has in one of them, whichever side that is", () => {
    for (const base of ["", queued(OURS)]) {
      const sides = [queued(OURS), renderTaskFile(THEIRS)] as const;
      for (const merged of [union(base, ...sides), union(base, sides[1], sides[0])]) {
        const file = parseTaskFile(merged);
        expect(file).toMatchObject({ status: "succeeded", result: { lastMessage: THEIRS.lastMessage } });
        expect(file?.frontMatter).toMatchObject({ attempts: 1, endedAt: THEIRS.endedAt });
      }
    }
  });

  it("keeps the reason where one failed and the other did not", () => {
    const failed = renderTaskFile({ ...OURS, status: "failed", reason: "stream disconnected", lastMessage: "" });
    expect(parseTaskFile(union("", failed, renderTaskFile(THEIRS)))).toMatchObject({
      status: "failed",
      result: { reason: "stream disconnected" },
    });
    expect(parseTaskFile(union("", renderTaskFile(THEIRS), failed))).toMatchObject({ status: "succeeded" });
  });
});
