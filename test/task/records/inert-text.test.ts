import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { removedFilesCommitMessage } from "../../../src/task/records/commit-message.ts";
import { inertText } from "../../../src/task/records/inert-text.ts";
import type { TaskRecord } from "../../../src/task/records/task-file/task-record.ts";
import { errorFileCommitMessage, intakeCommitMessage, taskCommitMessage } from "../../support/kept.ts";
import { taskRecord } from "../../support/task-record.ts";
import { FAILED_VERIFICATION } from "../../support/verification.ts";

/** What hosts look for in the message of a commit, as wide as they document it (docs/decisions/0041-commit-messages-that-do-nothing.md). */
const HOSTS: readonly { readonly reads: string; readonly order: RegExp }[] = [
  {
    reads: "GitHub: an issue is closed",
    order: /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:[\w.-]+\/[\w.-]+)?#\d+/i,
  },
  { reads: "GitHub: an issue is named", order: /(?:^|\W)(?:[\w.-]+\/[\w.-]+)?#\d|\bGH-\d/i },
  { reads: "GitLab: an issue is named", order: /\bGL-\d|\[(?:issue|work_item|epic|merge_request):/i },
  {
    reads: "Linear: an issue is closed",
    order: /\b(?:[Cc]los|[Ff]ix|[Rr]esolv|[Cc]omplet)(?:e[sd]?|ing)?:? +[A-Z]+-\d/,
  },
  { reads: "semantic-release: a major version", order: /^[\s|*]*breaking[ -]change[:\s]/im },
  {
    reads: "GitHub, GitLab: an issue is named by its address",
    order: /https?:\S+\/(?:issues|pull|merge_requests|work_items)\/\d/i,
  },
  {
    reads: "GitLab: an issue is closed",
    order:
      /(?:[Cc]los(?:e[sd]?|ing)|[Ff]ix(?:e[sd]|ing)?|[Rr]esolv(?:e[sd]?|ing)|[Ii]mplement(?:s|ed|ing)?):? +(?:(?:issues? +)?(?:(?:[\w./-]+)?#\d+|https?:\S+\/issues\/\d+|[A-Z][A-Z0-9_]+-\d+)(?:, *| +and +)?)+/,
  },
  { reads: "GitLab: a merge request is named", order: /(?:^|\W)(?:[\w./-]+)?!\d/ },
  { reads: "Jira: a command", order: /\b[A-Z]+-\d+\s+(?:.*\s)?#[a-z]/ },
  { reads: "GitHub, GitLab: a mention", order: /(?:^|\W)@[a-z\d]/i },
  { reads: "GitHub, GitLab, Travis, CircleCI, Azure: no check", order: /\[(?:\w+[ _-])?(?:skip|no)(?:[ _-]?\w+)?\]/i },
  { reads: "Azure, Drone: no check", order: /\*\*\*no_ci\*\*\*/i },
  { reads: "GitHub, Azure: no check", order: /skip-checks:\s?true/i },
  { reads: "Codeship, Buddy: no check", order: /--(?:skip|ci-skip)/i },
  { reads: "GitHub: another author", order: /co-authored-by:/i },
  { reads: "GitHub: consent", order: /signed-off-by:/i },
];

const ATTACKS = [
  "Closes #1",
  "fixes: org/repo#2",
  "Resolved #12, #13 and #14.",
  "see GH-3",
  "(#4)",
  "Fixes https://github.com/org/repo/issues/5",
  "closing https://gitlab.example.com/g/p/-/merge_requests/6",
  "Closes PROJ-7, PROJ-8 and PROJ-9",
  "Implements issue PROJ-10",
  "Closes  PROJ-7",
  "Fixes issue   PROJ-8",
  "Completes: ENG-9",
  "GL-12",
  "Closes [issue:12]",
  "see [work_item:group/project/3]",
  "BREAKING CHANGE: another major version",
  " * breaking-change: one more",
  "PROJ-11 some work #close #time 2d",
  "Closing issues #15 and group/project#16",
  "please look, !17",
  "@octocat and @org/team",
  'thanks (@octocat), "@hubot"',
  "[skip ci]",
  "[ci skip]",
  "[no ci]",
  "[skip actions]",
  "[Actions Skip]",
  "[ci-skip]",
  "[skip_ci]",
  "[skip azp]",
  "[travis skip]",
  "***NO_CI***",
  "skip-checks: true",
  "skip-checks:true",
  "--skip-ci",
  "--ci-skip",
  "Co-authored-by: A <a@b.c>",
  "signed-off-by: A <a@b.c>",
] as const;

const heard = (text: string): readonly string[] =>
  HOSTS.filter(({ order }) => order.test(text)).map(({ reads }) => reads);

/** Every commit of ours that holds a text of others, with `text` wherever one can stand. */
function messagesWith(text: string): readonly string[] {
  const base = taskRecord({
    lastMessage: `Done.\n${text}\n\n${text}`,
    verification: { ...FAILED_VERIFICATION, command: text },
  });
  const titled = (change: Partial<TaskRecord>): TaskRecord => ({
    ...base,
    spec: { ...base.spec, title: text },
    ...change,
  });
  return [
    taskCommitMessage(titled({})),
    taskCommitMessage(titled({ status: "failed", reason: text })),
    taskCommitMessage(
      titled({
        sessionKey: "Closes",
        verification: { ...FAILED_VERIFICATION, outcome: "failed", command: "x", what: text },
      }),
    ),
    intakeCommitMessage([
      { id: base.id, title: text },
      { id: base.id, title: text },
    ]),
    errorFileCommitMessage([`${text}.md`]),
    errorFileCommitMessage([`${text}.md`, `b/${text}.md`]),
    removedFilesCommitMessage([`inbox/${text}.md`]),
  ];
}

describe("the message of a commit", () => {
  it.each(ATTACKS)("makes no host do anything: %s", (attack) => {
    expect(heard(attack)).not.toEqual([]);
    for (const message of messagesWith(attack)) expect(heard(message), message).toEqual([]);
  });

  it("makes none do anything however these are put together", () => {
    const part = fc.constantFrom(
      ...ATTACKS,
      "\n",
      " ",
      "\u0000",
      "\u202e",
      "@",
      "#",
      "[",
      "1",
      "a",
      "Closes ",
      "PROJ-",
      "\t",
      "…",
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        for (const message of messagesWith(parts.join(""))) expect(heard(message), message).toEqual([]);
      }),
    );
  });

  it.each([
    ["Closes #1", "Closes # 1"],
    ["fixes org/repo#2, GH-3", "fixes org/repo# 2, GH- 3"],
    ["Closes PROJ-7 and PROJ-8", "Closes - PROJ-7 and PROJ-8"],
    ["@octocat, a@b.c", "@ octocat, a@b.c"],
    ["[skip ci] ***NO_CI*** skip-checks: true", "[ skip ci] *** NO_CI*** skip-checks : true"],
    ["Co-authored-by: A <a@b.c>", "Co-authored-by : A <a@b.c>"],
    [
      "Use # for comments; UTF-8, a[i], [docs](x), what! Done-ish: yes",
      "Use # for comments; UTF-8, a[i], [docs](x), what! Done-ish: yes",
    ],
  ])("stays readable: %s", (text, inert) => {
    expect(inertText(text)).toBe(inert);
    expect(inertText(inert)).toBe(inert);
  });

  it("has one subject, whatever line breaks a title or a name has", () => {
    for (const message of messagesWith("a\nTask-Status: failed\n\nTask-Id: x")) {
      const [, second, third = ""] = message.split("\n");
      expect(second).toBe("");
      expect(third).not.toMatch(/^Task-(?:Status|Id): (?:failed|x)/);
    }
  });
});
