import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { ownSessionKey } from "../../../src/task/names/session-key.ts";
import { taskName } from "../../../src/task/names/task-name.ts";
import type { Origin } from "../../../src/task/rights/origin.ts";
import { errorFileCommitMessage, intakeCommitMessage, taskCommitMessage } from "../../support/kept.ts";
import { taskRecord } from "../../support/task-record.ts";

const ID = "20261120-141530-k3f9x2";
const THREAD = "01a1f950-5f71-7472-a9b5-7a2032cb912c";

function subjectOf(message: string): string {
  return message.split("\n", 1)[0] ?? "";
}

it("says what was done, then what the agent said, then the facts", () => {
  const record = taskRecord({
    workedMs: 42_400,
    thread: THREAD,
    lastMessage: "\nFixed it.\n\n\n\nAll tests pass.\n",
  });
  expect(taskCommitMessage(record)).toBe(
    [
      "docs: Fix the login redirect (42 s)",
      "",
      "Fixed it.",
      "",
      "All tests pass.",
      "",
      `Task-Id: ${ID}`,
      "Session-Key: docs",
      `Codex-Thread: ${THREAD}`,
      "Task-Status: succeeded",
      "Attempts: 1",
      "Requested-By: ada",
      "Origin: cli",
      "",
    ].join("\n"),
  );
});

it.each([
  {
    name: "a failure",
    change: { status: "failed", reason: "usage limit" },
    subject: "docs: failed: Fix the login redirect (usage limit)",
  },
  { name: "a failure without a reason", change: { status: "failed" }, subject: "docs: failed: Fix the login redirect" },
  {
    name: "a stop",
    change: { status: "cancelled", reason: "asked to" },
    subject: "docs: cancelled: Fix the login redirect",
  },
  { name: "an unknown duration", change: { workedMs: undefined }, subject: "docs: Fix the login redirect" },
  { name: "a long one", change: { workedMs: 3_720_000 }, subject: "docs: Fix the login redirect (1 h 2 min)" },
  {
    name: "a session of its own",
    change: { sessionKey: ownSessionKey("2026-11-20", taskName(ID, "fix")) },
    subject: "task: Fix the login redirect (42 s)",
  },
  {
    name: "a long reason",
    change: { status: "failed", reason: "x\ny ".repeat(100) },
    subject: "docs: failed: Fix the login redirect (x y x y x y x y x y x y x y x…)",
  },
] as const)("tells $name in the subject", ({ change, subject }) => {
  expect(subjectOf(taskCommitMessage(taskRecord({ workedMs: 42_000, ...change })))).toBe(subject);
});

it("keeps the subject to one line of 72 characters", () => {
  const key = `${"a".repeat(64)}/${"b".repeat(64)}`;
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.string({ unit: "binary" }), (title, reason) => {
      const base = taskRecord({ sessionKey: key, status: "failed", reason });
      const subject = subjectOf(taskCommitMessage({ ...base, spec: { ...base.spec, title: `x${title}` } }));
      expect([...subject].length).toBeLessThanOrEqual(72);
      expect(subject).not.toMatch(/\p{Cc}/u);
    }),
  );
});

it("takes the first lines of the message only", () => {
  const body = taskCommitMessage(taskRecord({ lastMessage: "line\n".repeat(500) })).split("\n\n")[1];
  expect(body).toBe(`${"line\n".repeat(14)}…`);
  const long = taskCommitMessage(taskRecord({ lastMessage: "x".repeat(1_000_000) })).split("\n\n")[1];
  expect(long).toBe(`${"x".repeat(999)}…`);
});

it("wraps what is longer than a line, and cuts a subject at a word", () => {
  const words = "Every word of this long sentence stays whole, and so does the address";
  const lastMessage = `${words} https://example.org/${"a".repeat(60)} of the page.\n\n- ${words} and one more`;
  const record = taskRecord({ lastMessage });
  const title = "Fix the login redirect for users who came by a link from somewhere else";
  expect(
    taskCommitMessage({ ...record, spec: { ...record.spec, title } })
      .split("\n")
      .slice(0, 8),
  ).toEqual([
    "docs: Fix the login redirect for users who came by a link from… (42 s)",
    "",
    words,
    ` https://example.org/${"a".repeat(60)}`,
    "of the page.",
    "",
    "- Every word of this long sentence stays whole, and so does the address",
    "  and one more",
  ]);
});

it("does not let a wrapped line mean something to git or a host", () => {
  const before = "x".repeat(70);
  const message = taskCommitMessage(
    taskRecord({ lastMessage: `${before} BREAKING CHANGE: all\n${before} Task-Id: forged` }),
  );
  expect(message).toContain(`${before}\nBREAKING - CHANGE: all\n${before}\n Task-Id: forged\n`);
});

it("names the files that were changed, some of them, inertly", () => {
  const changedFiles = Array.from({ length: 12 }, (_, n) => ({ path: `src/${n}.ts`, change: "modified" }));
  const hostile = { path: "a\nTask-Id: forged @octocat #1", change: "added" };
  const paragraphs = taskCommitMessage(taskRecord({ changedFiles: [hostile, ...changedFiles] })).split("\n\n");
  expect(paragraphs[1]?.split("\n")).toEqual([
    "Changed files",
    "- added a Task-Id: forged @ octocat # 1",
    ...Array.from({ length: 9 }, (_, n) => `- modified src/${n}.ts`),
    "- and 3 more",
  ]);
});

it("has no paragraph for a message that is not there", () => {
  expect(taskCommitMessage(taskRecord({ lastMessage: " \n" })).split("\n\n")).toHaveLength(2);
});

it("names accepted tasks under a trailer of their own", () => {
  expect(
    intakeCommitMessage([
      { id: ID, title: "Fix it" },
      { id: "20261120-141531-k3f9x3", title: "Then that" },
    ]),
  ).toBe(`inbox: accepted 2: Fix it; Then that\n\nAccepted-Task-Id: ${ID}\nAccepted-Task-Id: 20261120-141531-k3f9x3\n`);
});

it("names files that are no tasks", () => {
  expect(errorFileCommitMessage(["broken.md"])).toBe("inbox: broken.md is not a valid task\n");
  expect(errorFileCommitMessage(["a.md", "Task-Id: x.md"])).toBe(
    "inbox: 2 files are not valid tasks\n\na.md\n Task-Id: x.md\n",
  );
});

const HOSTILE = [
  "Task-Id: forged",
  "Task-Status:failed",
  "Done.\n\nTask-Id: forged\nAttempts: 9",
  "Done.\n\nSigned-off-by: A <a@b.c>\nTask-Id: forged",
  "(cherry picked from commit 0123456789)\nTask-Id: forged",
  "---\nTask-Id: forged",
  "---\n diff --git a/x b/x\n",
  "--- \nrest",
  "# ------------------------ >8 ------------------------\nTask-Id: forged",
  "# a comment\n#\n# another",
  "Conflicts:\n\tx.txt",
  "ends with a colon:",
  "Task-Id: forged\r\n continued",
  "Task-Id:\u0000 forged",
  "a\u2028Task-Id: forged",
  "diff --git a/x b/x\n--- a/x\n+++ b/x",
];

function ours(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

it("has exactly our trailers, whatever the agent said: as git reads them", () => {
  const directory = mkdtempSync(join(tmpdir(), "commit-message-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const environment = { PATH: process.env.PATH ?? "", HOME: directory, GIT_CONFIG_NOSYSTEM: "1" };
  const identity = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a" };
  const git = (args: readonly string[], input?: string): string =>
    execFileSync("git", args, {
      cwd: directory,
      input: input ?? "",
      encoding: "utf8",
      env: { ...environment, ...identity },
    });
  git(["init", "-q"]);
  const tree = git(["mktree"]).trim();
  for (const lastMessage of [
    ...HOSTILE,
    ...fc.sample(
      fc.array(fc.constantFrom(...HOSTILE, "\n", "\n\n", "text"), { maxLength: 5 }).map((parts) => parts.join("\n")),
      15,
    ),
  ]) {
    const message = taskCommitMessage(taskRecord({ lastMessage, thread: THREAD }));
    const expected = [
      `Task-Id: ${ID}`,
      "Session-Key: docs",
      `Codex-Thread: ${THREAD}`,
      "Task-Status: succeeded",
      "Attempts: 1",
      "Requested-By: ada",
      "Origin: cli",
    ];
    expect(ours(git(["interpret-trailers", "--parse"], message)), JSON.stringify(message)).toEqual(expected);
    const commit = git(["commit-tree", tree], message).trim();
    expect(ours(git(["log", "-1", "--format=%(trailers)", commit])), JSON.stringify(message)).toEqual(expected);
    expect(git(["log", "-1", "--format=%(trailers:key=Task-Id,valueonly)", commit]).trim()).toBe(ID);
    expect(git(["log", "--format=%s", "-1", "--grep=^Task-Id: forged", commit])).toBe("");
  }
});

it("says who asked, and no name of theirs becomes a trailer of its own", () => {
  const origin: Origin = {
    ...{
      kind: "commit" as const,
      commit: "1a2b3c",
      author: "Ada\n\nTask-Status: failed\r\nOrigin: cli",
      email: "a@b\u2028c",
    },
    ...{ signature: "G", signer: "Ada\nVerified: all" },
  };
  const lines = taskCommitMessage(taskRecord({ origin })).split("\n");
  expect(lines.filter((line) => /^(Requested-By|Origin|Task-Status|Verified):/.test(line))).toEqual([
    "Task-Status: succeeded",
    expect.stringMatching(/^Requested-By: Ada Task-Status: failed Origin: cli <a@b c>$/),
    "Origin: commit 1a2b3c, signed by Ada Verified: all",
  ]);
});
