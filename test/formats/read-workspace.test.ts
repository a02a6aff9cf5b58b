import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { asObject } from "../../src/base/json-shape.ts";
import { tempWorkspace } from "../support/workspace.ts";

/** What is hard to quote, in prompts and, after `[[hex:…]]` is put in, in answers. */
const TEXTS = [
  "Fix it.",
  "# A heading\n\ntext | with \\ signs\n\n###### deep\n\n```\n# no heading\n```\n",
  "## Prompt\n\n## Result\n\n<details>\n<summary>Account</summary>\n\n```yaml\nstatus: failed\n```\n\n</details>\n",
  "> quoted\n>\n> # twice\n- # in a list\n\n---\nlast line without an end",
  "underlined\n===\n\n````markdown\nfence\n````\n![picture](x)\n",
  "Grüße „“ \u{1f600}\r\nwith carriage returns\r\n",
];
const READER = join(import.meta.dirname, "../fixtures/read-workspace.mjs");

/** No part of a task's id, which `log` would take them for. */
const SESSIONS = ["half-0", "half-1"] as const;

const listOf = (stdout: string, key: string): readonly Record<string, unknown>[] =>
  (asObject(JSON.parse(stdout))?.[key] ?? []) as Record<string, unknown>[];

it("a reader that shares no code with us, written from docs/formats.md, reads a workspace as we do", async () => {
  const loads = readFileSync(READER, "utf8").match(/^.*\b(?:import|require)\b.*$/gm);
  expect(loads).toEqual(['import { execFileSync } from "node:child_process";']);
  const workspace = await tempWorkspace();
  for (const [n, text] of TEXTS.entries()) {
    const answer = `[[final: [[hex:${Buffer.from(text).toString("hex")}]]]]`;
    const keys = `---\nreviewer: "it's \\"A: B\\""\n'odd: key': [1, "x"]\ntitle: 'Title | ${n} [x] \`'\n---\n`;
    workspace.drop(`${SESSIONS[n % 2]}/${n}.md`, `${n === 0 ? "" : keys}${text}\n${answer}`);
  }
  workspace.drop(`${SESSIONS[0]}/cancelled.md`, "---\ncancel: true\n---\nNot wanted.\n");
  workspace.drop("failed.md", "[[fail: it broke]]");
  workspace.commitSettings({ maxAttempts: 1 });
  await workspace.serveUntilIdle({ code: 1 });

  const read = JSON.parse(
    execFileSync(process.execPath, [READER, workspace.dir, "main"], { encoding: "utf8", maxBuffer: 1e8 }),
  );
  const tasks = listOf((await workspace.command("ls", "-a", "-n", "100", "--json")).stdout, "tasks");
  expect(tasks).toHaveLength(TEXTS.length + 2);
  expect(Object.keys(read.tasks).sort()).toEqual(tasks.map(({ id }) => id).sort());
  for (const { id } of tasks) {
    const shown = JSON.parse((await workspace.command("show", String(id), "--json")).stdout);
    const { session, front, account, answer, ...same } = read.tasks[String(id)];
    expect({ id, ...same }).toMatchObject({
      ...{ id, run: shown.run, status: shown.status, title: shown.title, path: shown.path, prompt: shown.prompt },
    });
    expect([session, answer ?? "", front.format]).toEqual([shown.sessionKey, shown.result, 3]);
    expect([account.thread ?? null, account.origin]).toEqual([shown.thread, shown.origin]);
    const own = shown.title === "Fix it." || front["odd: key"] === undefined;
    if (!own) expect(front).toMatchObject({ reviewer: `it's "A: B"`, "odd: key": [1, "x"] });
  }
  const answers = TEXTS.map((text) => text.trimEnd());
  const found = Object.values(read.tasks).map((task) => String(asObject(task)?.answer ?? "").trimEnd());
  expect(answers.filter((text) => !found.includes(text))).toEqual([]);
  for (const key of SESSIONS) {
    const entries = listOf((await workspace.command("log", key, "--json")).stdout, "entries");
    expect(read.sessions[key].transcript).toEqual(
      entries.map(({ task, run, body }) => [task, run, asObject(body)?.kind]),
    );
    const sessions = listOf((await workspace.command("sessions", "--json")).stdout, "sessions");
    const session = sessions.find((one) => one.key === key);
    expect([read.sessions[key].thread, read.sessions[key].archived]).toEqual([session?.thread, false]);
  }
}, 60_000);
