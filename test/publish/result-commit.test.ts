import { describe, expect, it } from "vitest";
import { LEDGER_ROTATE_BYTES, parseLedger } from "../../src/task/ledger/ledger.ts";
import { parseTranscript, TRANSCRIPT_ROTATE_BYTES } from "../../src/task/session/transcript.ts";
import { createWorld, type World } from "../support/world.ts";

const TRANSCRIPT = "sessions/docs/transcript.jsonl";
const DAY = "2026-11-20";

/** Runs one task of the session to its end; returns its id. */
async function runOne(world: World, name: string, saying: readonly string[] = []): Promise<string> {
  world.drop(`${name}.md`, `Do ${name}.\n`);
  await world.settle();
  const run = world.runner.started.at(-1);
  if (run === undefined) throw new Error("nothing was started");
  run.body = saying;
  world.runner.end(run, { lastMessage: `Did ${name}.` });
  await world.settle();
  return world.accepted(-1);
}

function filesBelow(world: World, folder: string): readonly string[] {
  return [...(world.repository.tip?.files.keys() ?? [])].filter((path) => path.startsWith(`${folder}/`)).sort();
}

/** Rows of finished tasks, at least as many as the ledger may hold. */
function fullLedger(): string {
  const rows: string[] = [];
  for (let n = 0; rows.join("\n").length <= LEDGER_ROTATE_BYTES; n += 10) {
    const id = (i: number): string => `2026111${i % 2}-101010-${String(n + i).padStart(6, "0")}`;
    for (let i = 0; i < 10; i += 1) rows.push(`| 2026-11-19T10:10:10.000Z | ${id(i)} | old | 1 | succeeded | é |`);
  }
  return `${rows.join("\n")}\n`;
}

describe("the commit of a finished task", () => {
  it("holds its file, the session's facts and transcript, and its rows in the ledger", async () => {
    const world = createWorld();
    await world.start();
    const id = await runOne(world, "docs/x", ["Thinking."]);
    const [tip, before] = world.repository.log();
    const changed = [...(tip?.files ?? [])].filter(([path, text]) => before?.files.get(path) !== text);
    expect(changed.map(([path]) => path).sort()).toEqual([
      ...[
        `sessions/docs/${DAY}/141530-do-docs-x-${id.slice(-6)}.md`,
        "sessions/docs/session.jsonl",
        TRANSCRIPT,
        "tasks.md",
      ],
    ]);
    expect(world.results()).toMatchObject([
      {
        ...{ id, status: "succeeded", prompt: "Do docs/x.\n", result: { lastMessage: "Did docs/x." } },
        frontMatter: { acceptedBy: "aaaaaa", attempts: 1, source: "inbox/docs/x.md", codexVersion: "0.169.0" },
      },
    ]);
    const entries = parseTranscript(world.committed(TRANSCRIPT) ?? "");
    expect(entries.map(({ line, body }) => `${line} ${body.kind}`)).toEqual(["0 user", "1 assistant", "2 end"]);
    const result = { title: "Do docs/x.", path: world.pathOf(id) };
    expect(world.rows().map((row) => [row.task, row.status, row.result])).toEqual([
      ...[[id, "queued", undefined] as const, [id, "running", undefined] as const, [id, "succeeded", result] as const],
    ]);
  });

  it("names no start where the coordinator died before any worker took it", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "Do x.\n");
    await world.settle();
    world.runner.of("docs").probe = "unclaimed";
    coordinator.pause({ session: undefined, reason: "for the moment" });
    await world.crash();
    await (await world.start()).stop(world.accepted(-1));
    await world.settle();
    const [result] = world.results();
    expect(result).toMatchObject({ status: "cancelled", frontMatter: { run: 2, attempts: 0 } });
    expect(Object.keys(result?.frontMatter ?? {})).not.toContain("startedAt");
    expect(world.committed(TRANSCRIPT) ?? "").toBe("");
  });

  it("lies in the folder of the day of its id, whenever it ends", async () => {
    const world = createWorld();
    await world.start();
    world.drop("docs/20250101-000000-aaaaaa.md", "Old.\n");
    await world.settle();
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    expect(world.results().map(({ path }) => path)).toEqual(["sessions/docs/2025-01-01/000000-old-aaaaaa.md"]);
  });

  it("leaves a result alone that the user has corrected in the branch", async () => {
    const world = createWorld();
    await world.start();
    world.repository.user.beginMerge();
    const id = await runOne(world, "docs/x");
    await world.crash(); // It was committed, and died before it could note that.
    world.repository.user.endMerge();
    await world.start();
    await world.settle();
    const path = world.pathOf(id);
    const corrected = `${world.committed(path) ?? ""}\nMy note.\n`;
    const first = world.repository.log().at(-1)?.id ?? "";
    world.repository.user.reset(first);
    world.repository.user.commit({ [path]: corrected });
    await world.advance(1_000);
    expect(world.committed(path)).toBe(corrected);
    expect(world.rows().at(-1)).toMatchObject({ task: id, status: "succeeded" });
  });
});

describe("a transcript", () => {
  it("moves to a file of its own once it is full, line by line as it was, and starts afresh", async () => {
    const world = createWorld();
    await world.start();
    const ids = [
      await runOne(world, "docs/1", ["é".repeat(20_000)]),
      await runOne(world, "docs/2", ["b".repeat(30_000)]),
    ];
    const full = world.committed(TRANSCRIPT) ?? "";
    expect(Buffer.byteLength(full)).toBeGreaterThan(TRANSCRIPT_ROTATE_BYTES);
    ids.push(await runOne(world, "docs/3", ["short"]));
    expect(world.committed("sessions/docs/transcript/aaaaaa-0001.jsonl")).toBe(full);
    expect(new Set(parseTranscript(world.committed(TRANSCRIPT) ?? "").map(({ task }) => task))).toEqual(
      new Set([ids[2]]),
    );
    await runOne(world, "docs/4", ["c".repeat(70_000)]);
    await runOne(world, "docs/5");
    expect(filesBelow(world, "sessions/docs/transcript")).toEqual([
      ...["sessions/docs/transcript/aaaaaa-0001.jsonl", "sessions/docs/transcript/aaaaaa-0002.jsonl"],
    ]);
    const said = (await world.queries.log(ids[0] ?? "")).entries;
    expect(said.map(({ body }) => body.kind)).toEqual(["user", "assistant", "end"]);
  });

  it("is rotated once where several tasks of its session are committed together, and nothing is lost", async () => {
    const world = createWorld();
    await world.start();
    await runOne(world, "docs/0", ["a".repeat(70_000)]);
    world.repository.user.beginMerge();
    for (const name of ["docs/1", "docs/2", "docs/3"]) await runOne(world, name);
    world.repository.user.endMerge();
    await world.settle();
    expect(world.results()).toHaveLength(4);
    expect(filesBelow(world, "sessions/docs/transcript")).toEqual(["sessions/docs/transcript/aaaaaa-0001.jsonl"]);
    expect(parseTranscript(world.committed(TRANSCRIPT) ?? "")).toHaveLength(6);
  });

  it("keeps what somebody else has added to it while it was being rotated", async () => {
    const world = createWorld();
    await world.start();
    await runOne(world, "docs/0", ["a".repeat(70_000)]);
    const theirs = '{"v":1,"of":"a later version"}\n';
    world.repository.beforeCommit = () => {
      world.repository.beforeCommit = () => undefined;
      world.repository.user.commit({ [TRANSCRIPT]: (world.committed(TRANSCRIPT) ?? "") + theirs });
    };
    await runOne(world, "docs/1");
    expect(world.committed(TRANSCRIPT)).toContain(theirs);
    expect(parseTranscript(world.committed(TRANSCRIPT) ?? "")).toHaveLength(2);
    expect(parseTranscript(world.committed("sessions/docs/transcript/aaaaaa-0001.jsonl") ?? "")).toHaveLength(3);
  });
});

describe("the ledger", () => {
  it.each([
    { name: "", lineEnd: "\n" },
    { name: ", also where an editor has saved it with CRLF", lineEnd: "\r\n" },
  ])("moves its closed rows to files by the day of their task once they are many$name", async ({ lineEnd }) => {
    const world = createWorld();
    const old = fullLedger();
    world.repository.user.commit({ "tasks.md": old.replaceAll("\n", lineEnd) });
    await world.start();
    const id = await runOne(world, "docs/1");
    const moved = ["tasks/2026-11-10/aaaaaa-0001.md", "tasks/2026-11-11/aaaaaa-0001.md"];
    expect(filesBelow(world, "tasks")).toEqual(moved);
    const rows = moved.flatMap((path) => parseLedger(world.committed(path) ?? ""));
    expect(rows).toHaveLength(parseLedger(old).length);
    expect(new Set(rows.map(({ task }) => task))).toEqual(new Set(parseLedger(old).map(({ task }) => task)));
    expect(parseLedger(world.committed("tasks.md") ?? "").map(({ task }) => task)).toEqual([id, id, id]);
    const [before] = parseLedger(old);
    expect((await world.queries.list({ finished: 0 })).tasks.length).toBe(0);
    world.drop(`${before?.task}.md`, "Known.\n");
    await world.settle();
    expect(world.logged("known")).toHaveLength(1);
  });

  it("keeps the rows of tasks that are open, here or in another clone", async () => {
    const world = createWorld();
    const theirs = "20261119-090000-zzzzzz";
    const file = `---\nformat: 3\nid: ${theirs}\nsessionKey: there\ntitle: Theirs\nstatus: queued\n---\nTheirs.\n`;
    const row = `| 2026-11-19T09:00:00.000Z | ${theirs} | there | 1 | queued |  |\n`;
    world.repository.user.commit({
      [`sessions/there/2026-11-19/${theirs}.md`]: file,
      "inbox/docs/later.md": "---\nnotBefore: 2027-01-01T00:00:00Z\n---\nLater.\n",
    });
    await world.start();
    await world.advance(1_000);
    const later = world.accepted(0);
    world.repository.user.commit({ "tasks.md": fullLedger() + row + (world.committed("tasks.md") ?? "") });
    await world.advance(1_000);
    await runOne(world, "x/1");
    const left = new Set(parseLedger(world.committed("tasks.md") ?? "").map(({ task }) => task));
    expect(left).toEqual(new Set([theirs, later, world.accepted(1)]));
  });
});
