import { describe, expect, it } from "vitest";
import { presentTaskFile } from "../../../../src/app/views/task-view.ts";
import { type TaskChange, taskChange } from "../../../../src/task/records/task-file/change-section.ts";
import { parseTaskFile } from "../../../../src/task/records/task-file/parsed-task-file.ts";
import type { RunChange } from "../../../../src/task/state/run.ts";
import { renderTaskFile, taskCommitMessage } from "../../../support/kept.ts";
import { taskRecord } from "../../../support/task-record.ts";

const [COMMIT, PARENT] = ["a".repeat(40), "b".repeat(40)];
const NOTHING: RunChange = {
  ...{ branch: null, commit: null, parent: PARENT, tip: null, insertions: 0, deletions: 0, leftOut: [], held: null },
};
const held = { ref: "refs/codex-inbox/held/t-2", commit: COMMIT, paths: ["key.txt"] };

function changes(): readonly TaskChange[] {
  const all: readonly RunChange[] = [
    { ...NOTHING, commit: COMMIT, insertions: 1, deletions: 2, outside: PARENT },
    { ...NOTHING, held, leftOut: [{ path: "big `x`.bin", bytes: 9, why: "larger than 10 MB" }] },
    { ...NOTHING, problem: "the disk is full" },
    {
      ...{ ...NOTHING, commit: COMMIT, branch: "codex-inbox/docs-1a2b3c", insertions: 3, merged: PARENT },
      overlaps: [
        { session: null, paths: ["a.md"] },
        { session: "x`y", paths: ["b.md", "c.md"] },
      ],
    },
  ];
  return all.flatMap((change, index) => taskChange(index + 1, 2, change) ?? []);
}

describe("the changes of a task's runs", () => {
  it("are told before the files, and read again as they were", () => {
    const changedFiles = [{ path: "a.md", change: "added", by: "patch" as const }];
    const record = taskRecord({ run: 4, changes: changes(), changedFiles });
    const file = renderTaskFile(record);
    expect(file.slice(file.indexOf("### Changed files"), file.indexOf("<details>"))).toBe(
      [
        ...["### Changed files", ""],
        `Run 1: Commit \`aaaaaaaaaaaa\` (\`refs/codex-inbox/turns/${record.id}/1\`): 2 files, 1 line added, 2 removed.  `,
        "Run 1: Edited before the run, and no part of it: `bbbbbbbbbbbb`.  ",
        "Run 2: What looks like a secret is in `key.txt`: the change is on `refs/codex-inbox/held/t-2` alone, which is never pushed.  ",
        "Run 2: Not in the commit: `` big `x`.bin `` (larger than 10 MB).  ",
        "Run 3: The change is not recorded: the disk is full.  ",
        "Commit `aaaaaaaaaaaa` (`codex-inbox/docs-1a2b3c`): 2 files, 3 lines added, 0 removed.  ",
        "It merges `bbbbbbbbbbbb`; files that are as one of the two had them do not count.  ",
        "The session's work does not merge with what is checked out: `a.md`.  ",
        "The session's work does not merge with session `` x`y ``: `b.md`, `c.md`.  ",
        ...["", "Written by the agent's own patches:", "", "- added `a.md`", "", ""],
      ].join("\n"),
    );
    const parsed = parseTaskFile(file);
    expect(parsed?.result?.changedFiles).toEqual(changedFiles);
    expect(parsed && presentTaskFile(parsed, "x.md").changes).toEqual(changes());
  });

  it("stand in the result where no file is listed, and nowhere where there is nothing to say", () => {
    const onlyWords = renderTaskFile(taskRecord({ run: 3, lastMessage: "Fixed it.", changes: changes().slice(2, 3) }));
    expect(onlyWords).toContain("### Changed files\n\nThe change is not recorded: the disk is full.");
    expect(parseTaskFile(onlyWords)?.result).toMatchObject({ lastMessage: "Fixed it.", changedFiles: [] });
    expect(renderTaskFile(taskRecord())).not.toContain("Changed files");
    expect([taskChange(1, 0, NOTHING), taskChange(1, 0, undefined)]).toEqual([undefined, undefined]);
  });

  it("are trailers of the commit of the result; a held one by its ref alone", () => {
    const trailers = taskCommitMessage(taskRecord({ changes: changes() })).split("\n");
    expect(trailers.filter((line) => line.startsWith("Change"))).toEqual([
      ...[`Change: ${COMMIT}`, "Change-Held: refs/codex-inbox/held/t-2", `Change: ${COMMIT}`],
    ]);
  });

  it("name nothing but commits, whoever has written the file", () => {
    const written = renderTaskFile(taskRecord({ run: 4, changes: changes() })).replaceAll(COMMIT, "--output=x");
    const parsed = parseTaskFile(written);
    const found = parsed === undefined ? [] : presentTaskFile(parsed, "x.md").changes;
    expect(found.map(({ commit, held: one }) => [commit, one])).toEqual([1, 2, 3, 4].map(() => [null, null]));
  });
});
