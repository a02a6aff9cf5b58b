import { expect, it } from "vitest";
import { type BranchContent, branchContent } from "./branch-content.ts";

interface Damage {
  readonly check: string;
  readonly name: string;
  readonly level: "problem" | "note";
  readonly says: RegExp;
  /** What the remedy says. */
  readonly remedy: RegExp;
  readonly plant: (content: BranchContent) => void;
}

const FACTS = "sessions/docs/session.jsonl";
const TRANSCRIPT = "sessions/docs/transcript.jsonl";
const OTHER = "20261120-141530-k3f9x2";
const ARCHIVED = '{"v":1,"n":9,"time":"2026-11-20T14:15:30Z","kind":"archived","archived":true}\n';

function rowsOf({ task, files }: BranchContent): string {
  const rows =
    files
      .get("tasks.md")
      ?.split("\n")
      .filter((line) => line.includes(task)) ?? [];
  return `${rows.join("\n")}\n`;
}

/** Leaves the first row of the task alone. */
function reopen({ task, edit }: BranchContent): void {
  edit("tasks.md", (text) =>
    text
      .split("\n")
      .filter((line) => !line.includes(task) || line.includes("| queued |"))
      .join("\n"),
  );
}

const DAMAGES: readonly Damage[] = [
  {
    ...{ check: "ledger", name: "is gone", level: "problem", says: /does not hold it/, remedy: /codex-inbox init/ },
    plant: ({ files }) => void files.delete("tasks.md"),
  },
  {
    ...{ check: "ledger", name: "has a torn row", level: "problem", says: /line \d+ cannot be read as a row/ },
    remedy: /git log -p/,
    plant: ({ edit }) => edit("tasks.md", (text) => `${text}| 2026-11-20T14:15:30Z | ${OTHER} | docs |\n`),
  },
  {
    ...{ check: "ledger", name: "has markers of a conflict", level: "problem", says: /markers of a conflict/ },
    remedy: /leave the rows of both sides/,
    plant: ({ edit }) => edit("tasks.md", (text) => `${text}<<<<<<< HEAD\n=======\n>>>>>>> other\n`),
  },
  {
    ...{ check: "ledger", name: "repeats rows", level: "note", says: /3 rows stand there more than once/ },
    remedy: /compact-tasks/,
    plant: (content) => content.edit("tasks.md", (text) => text + rowsOf(content)),
  },
  {
    ...{
      check: "ledger",
      name: "keeps rows where nobody looks",
      level: "problem",
      says: /3 rows are of tasks of another day/,
    },
    remedy: /move them into tasks\//,
    plant: (content) => content.edit("tasks/2020-01-01/aaaaaa-0001.md", () => rowsOf(content)),
  },
  {
    ...{
      check: "ledger",
      name: "has a closed file of another name",
      level: "note",
      says: /no name of a closed ledger/,
    },
    remedy: /nothing needs to be done/,
    plant: ({ edit }) => edit("tasks/2020-01-01/old.md", () => "none\n"),
  },
  {
    ...{
      check: "results",
      name: "differ from the ledger",
      level: "problem",
      says: /calls \S+ succeeded, its file failed/,
    },
    remedy: /somebody has edited/,
    plant: ({ edit, file }) => edit(file, (text) => text.replace("status: succeeded", "status: failed")),
  },
  {
    ...{ check: "results", name: "are both of a merge", level: "note", says: /calls \S+ succeeded, its file failed/ },
    remedy: /two clones have run it/,
    plant: ({ edit, file }) =>
      edit(file, (text) => text.replace("status: succeeded", "status: failed\nstatus: succeeded")),
  },
  {
    ...{
      check: "results",
      name: "lie under an old row",
      level: "note",
      says: /brought back rows/,
      remedy: /the file is final/,
    },
    plant: reopen,
  },
  {
    ...{
      check: "results",
      name: "come with an accepted task without a journal",
      level: "problem",
      says: /its journal is gone/,
    },
    remedy: /serve --take-over/,
    plant(content) {
      reopen(content);
      content.edit(content.file, (text) => text.replace("status: succeeded", "status: queued"));
      content.journals.clear();
    },
  },
  {
    ...{ check: "results", name: "are named by a row alone", level: "note", says: /neither a file nor a journal/ },
    remedy: /counts as none/,
    plant: ({ edit }) =>
      edit("tasks.md", (text) => `${text}| 2026-11-20T14:15:30Z | ${OTHER} | docs | 1 |  | queued |  |\n`),
  },
  {
    ...{
      check: "sessions",
      name: "have a torn fact",
      level: "problem",
      says: /line \d+ cannot be read/,
      remedy: /git log -p/,
    },
    plant: ({ edit }) => edit(FACTS, (text) => `${text}{"v":1,\n`),
  },
  {
    ...{ check: "sessions", name: "have a fact of a later version", level: "note", says: /no fact of this version/ },
    remedy: /later version/,
    plant: ({ edit }) => edit(FACTS, (text) => `${text}{"v":2,"n":1,"time":"x","kind":"opened"}\n`),
  },
  {
    ...{
      check: "sessions",
      name: "name a malformed thread",
      level: "problem",
      says: /none of codex's/,
      remedy: /take it out/,
    },
    plant: ({ edit }) =>
      edit(
        FACTS,
        (text) => `${text}{"v":1,"n":9,"time":"2026-11-20T14:15:30Z","kind":"thread","thread":"mine","task":"x"}\n`,
      ),
  },
  {
    ...{
      check: "sessions",
      name: "share a thread",
      level: "problem",
      says: /is also that of the session/,
      remedy: /--resume false/,
    },
    plant({ edit, files }) {
      const own = [...files.keys()].find((path) => /sessions\/20.*session\.jsonl/.test(path)) ?? "";
      const fact =
        files
          .get(own)
          ?.split("\n")
          .find((line) => line.includes('"kind":"thread"')) ?? "";
      edit(FACTS, (text) => `${text}${fact.replace(/"n":\d+/, '"n":99')}\n`);
    },
  },
  {
    ...{
      check: "sessions",
      name: "have lost their facts",
      level: "problem",
      says: /a transcript and no facts/,
      remedy: /fresh thread/,
    },
    plant: ({ files }) => void files.delete(FACTS),
  },
  {
    ...{
      check: "sessions",
      name: "are archived with files left",
      level: "note",
      says: /2 of its files are not/,
      remedy: /archive --undo docs/,
    },
    plant: ({ edit }) => edit(FACTS, (text) => text + ARCHIVED),
  },
  {
    ...{
      check: "sessions",
      name: "are archived and gone",
      level: "problem",
      says: /archive\/ holds nothing/,
      remedy: /git log -- archive/,
    },
    plant({ edit, files, file }) {
      edit(`${file.slice(0, file.lastIndexOf("/"))}/archived.md`, () => "Archived.\n");
      files.delete(file);
      edit(TRANSCRIPT, () => "");
      edit(FACTS, (text) => text + ARCHIVED);
    },
  },
  {
    ...{
      check: "transcripts",
      name: "have a torn line",
      level: "problem",
      says: /line \d+ cannot be read/,
      remedy: /git log -p/,
    },
    plant: ({ edit }) => edit(TRANSCRIPT, (text) => `${text}{"v":1,"ta\n`),
  },
  {
    ...{
      check: "transcripts",
      name: "have an entry of a later version",
      level: "note",
      says: /no entry of this version/,
    },
    remedy: /pass over it/,
    plant: ({ edit }) => edit(TRANSCRIPT, (text) => `${text}{"v":2}\n`),
  },
  {
    ...{ check: "transcripts", name: "repeat entries", level: "note", says: /entries stand there more than once/ },
    remedy: /drop repeats/,
    plant: ({ edit }) => edit(TRANSCRIPT, (text) => text + text),
  },
  {
    ...{
      check: "transcripts",
      name: "tell nothing of a task that ran",
      level: "problem",
      says: /no entry .* tells of it/,
    },
    remedy: /bring them back/,
    plant: ({ edit }) => edit(TRANSCRIPT, () => ""),
  },
  {
    ...{
      check: "transcripts",
      name: "lie beside a file without a row",
      level: "problem",
      says: /no row of the ledger/,
    },
    remedy: /git log -- tasks\.md/,
    plant({ edit, file, files, task }) {
      const path = file.replace(/\d{6}(?=-[^/]*$)/, "235959");
      edit(path, () =>
        (files.get(file) ?? "").replaceAll(task, task.replace(/-\d{6}-/, "-235959-")).replace(/^startedAt.*\n/m, ""),
      );
    },
  },
  {
    ...{
      check: "transcripts",
      name: "lie beside a file that is none",
      level: "problem",
      says: /cannot be read as the one/,
    },
    remedy: /git log -p/,
    plant: ({ edit, file }) => edit(file, () => "mine\n"),
  },
];

it.each(DAMAGES)("$check: $name", async ({ check, level, says, remedy, plant }) => {
  const content = await branchContent();
  expect(await content.look(check, true)).toEqual([]); // The control.
  plant(content);
  for (const all of [false, true])
    expect(await content.look(check, all)).toMatchObject([
      { level, message: expect.stringMatching(says), remedy: expect.stringMatching(remedy) },
    ]);
});
