import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { buildArchiveCommit } from "../../src/publish/archive-commit.ts";
import { foldLedger, parseLedger } from "../../src/task/ledger/ledger.ts";
import { foldFacts, parseFacts } from "../../src/task/session/session-facts.ts";
import { asKeptText } from "../../src/task/text/kept-text.ts";
import { appendRows } from "../support/kept.ts";
import { tempDir } from "../support/temp-dir.ts";

type Files = Readonly<Record<string, string | undefined>>;

const DAY = "sessions/docs/2026-11-20";
const ATTRIBUTES =
  "tasks.md merge=union -text\ntasks/** merge=union -text\nsessions/** merge=union -text\narchive/** merge=union -text\n";
const IDS = ["20261120-141530-aaaaaa", "20261120-141531-bbbbbb"] as const;

function path(id: string): string {
  return `${DAY}/${id.slice(9, 15)}-x-${id.slice(-6)}.md`;
}

function row(id: string, time: string): string {
  const [session, run] = ["docs", 1];
  const ended = {
    time,
    task: id,
    session,
    run,
    status: "succeeded",
    detail: "",
    result: { title: "x", path: path(id) },
  } as const;
  return (
    String(appendRows("", [ended]))
      .trimEnd()
      .split("\n")
      .at(-1) ?? ""
  );
}

const BASE: Files = {
  ".gitattributes": ATTRIBUTES,
  "tasks.md": `${row(IDS[0], "2026-11-20T14:16:00Z")}\n`,
  [path(IDS[0])]: "---\nformat: 3\n---\n\n## Prompt\n\n> Do it, at some length, so that a move is seen as one.\n",
  "sessions/docs/session.jsonl": '{"v":1,"n":1,"time":"2026-11-20T14:15:30Z","kind":"opened","key":"docs"}\n',
  "sessions/docs/transcript.jsonl": '{"task":"one","text":"said long ago"}\n',
};

/** What another clone has done meanwhile in the same session, on the same day. */
const THEIRS: Files = {
  "tasks.md": `${BASE["tasks.md"]}${row(IDS[1], "2026-11-20T14:17:00Z")}\n`,
  [path(IDS[1])]: "---\nformat: 3\n---\n\n## Prompt\n\n> Another.\n",
  "sessions/docs/session.jsonl": `${BASE["sessions/docs/session.jsonl"]}{"v":1,"n":2,"time":"2026-11-20T14:17:00Z","kind":"opened","key":"docs"}\n`,
  "sessions/docs/transcript.jsonl": `${BASE["sessions/docs/transcript.jsonl"]}{"task":"two","text":"said there"}\n`,
};

async function archived(): Promise<Files> {
  const files = new Map(Object.entries(BASE));
  const branch = {
    readText: async (file: string) => files.get(file),
    async listFolder(folder: string) {
      const inside = [...files.keys()].filter((file) => file.startsWith(`${folder}/`));
      const names = new Set(inside.map((file) => file.slice(folder.length + 1).split("/")[0] ?? ""));
      return [...names].map((name) => ({ name, kind: files.has(`${folder}/${name}`) ? "file" : "folder" }) as const);
    },
  };
  const { edits } = await buildArchiveCommit(branch, asKeptText("docs"), true, Date.UTC(2026, 10, 21));
  const changes = edits.map((edit) => [edit.path, edit.apply(files.get(edit.path))] as const);
  for (const [file, text] of changes) {
    if (text === "absent") files.delete(file);
    else if (text !== "unchanged") files.set(file, text);
  }
  for (const edit of edits)
    expect(["unchanged", "absent", files.get(edit.path)]).toContain(edit.apply(files.get(edit.path)));
  return Object.fromEntries(
    Object.keys({ ...BASE, ...Object.fromEntries(files) }).map((file) => [file, files.get(file)]),
  );
}

/** Two clones of a repository; returns what `git merge` of the one into the other says. */
function merged(ours: Files, theirs: Files): { readonly status: string; readonly read: (file: string) => string } {
  const dir = tempDir();
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "gc.auto=0", ...args], {
      ...{ cwd: dir, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
      env: { PATH: process.env.PATH, HOME: dir, GIT_CONFIG_NOSYSTEM: "1" },
    });
  const write = (files: Files): void => {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, file)), { recursive: true });
      if (text === undefined) rmSync(join(dir, file), { force: true });
      else writeFileSync(join(dir, file), text);
    }
    git("add", "-A");
    git("commit", "-q", "--allow-empty", "-m", "change");
  };
  git("init", "-q", "-b", "main");
  write(BASE);
  git("switch", "-q", "-c", "theirs");
  write(theirs);
  git("switch", "-q", "main");
  write(ours);
  try {
    git("merge", "-q", "--no-edit", "theirs");
  } catch (error) {
    return { status: String((error as { readonly stdout?: unknown }).stdout), read: () => "" };
  }
  return { status: "merged", read: (file) => readFileSync(join(dir, file), "utf8") };
}

it("merges with what another clone did in that session meanwhile, either way round", async () => {
  const ours = await archived();
  for (const [one, other] of [
    [ours, THEIRS],
    [THEIRS, ours],
  ] as const) {
    const { status, read } = merged(one, other);
    expect(status).toBe("merged");
    const rows = foldLedger(parseLedger(read("tasks.md")));
    expect([...rows.keys()].sort()).toEqual([...IDS]);
    expect(read(path(IDS[1]))).toContain("Another.");
    expect(read(path(IDS[0]).replace("sessions/docs", "archive/2026-11-21/docs"))).toContain("at some length");
    expect(foldFacts(parseFacts(read("sessions/docs/session.jsonl"))).archived).toBe(true);
    expect(read("sessions/docs/transcript.jsonl")).toContain("said there");
    expect(read("archive/2026-11-21/docs/transcript.jsonl")).toContain("said long ago");
  }
});

it("would not without the file that stays in each folder: git takes the folder for renamed", async () => {
  const { [`${DAY}/archived.md`]: _, ...ours } = await archived();
  expect(merged(ours, THEIRS).status).toContain("CONFLICT (file location)");
});
