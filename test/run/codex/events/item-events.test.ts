import { describe, expect, it } from "vitest";
import { createKeeper } from "../../../../src/redact/keeper.ts";
import { createKnownValues } from "../../../../src/redact/known-values.ts";
import { createRunRecord } from "../../../../src/run/codex/events/run-record.ts";
import type { RunEvent } from "../../../../src/run/driver.ts";

const SECRET = "0a9f8e7d6c5b4a39xkcd29f8e7d6";
const KEEPER = createKeeper({ find: () => undefined }, createKnownValues({ MY_API_KEY: SECRET }, undefined));

/** What those who watch a run are told of these lines, each seen at its time (ms); old ones were there before. */
async function told(
  ...lines: readonly { readonly type: string; readonly item: object; readonly atMs: number; readonly isOld?: boolean }[]
): Promise<readonly (RunEvent & { readonly kind: "item" })[]> {
  const record = createRunRecord("/ws", KEEPER);
  const events: (RunEvent & { readonly kind: "item" })[] = [];
  for (const [index, { type, item, atMs, isOld = false }] of lines.entries()) {
    const event = await record.take({ line: index + 1, text: JSON.stringify({ type, item }), isOld }, atMs);
    if (event.kind === "item") events.push(event);
  }
  return events;
}

function command(status: string, id = "item_1"): object {
  return { id, type: "command_execution", command: "npm test", aggregated_output: "", exit_code: null, status };
}

describe("an item that is told", () => {
  it("has the line where it began, and how long it took, each its own", async () => {
    const events = await told(
      { type: "item.started", item: command("in_progress", "item_1"), atMs: 1_000 },
      { type: "item.started", item: command("in_progress", "item_2"), atMs: 1_500 },
      { type: "item.updated", item: command("in_progress", "item_1"), atMs: 2_000 },
      { type: "item.completed", item: command("completed", "item_2"), atMs: 2_250 },
      { type: "item.completed", item: command("completed", "item_1"), atMs: 4_000 },
    );
    expect(events.map(({ line, firstLine, durationMs }) => [line, firstLine, durationMs])).toEqual([
      [1, 1, undefined],
      [2, 2, undefined],
      [3, 1, undefined],
      [4, 2, 750],
      [5, 1, 3_000],
    ]);
  });

  it.each([
    { name: "its beginning was there before", old: [true, false] },
    { name: "both were", old: [true, true] },
  ])("has no duration where $name", async ({ old: [begin = false, end = false] }) => {
    const events = await told(
      { type: "item.started", item: command("in_progress"), atMs: 1_000, isOld: begin },
      { type: "item.completed", item: command("completed"), atMs: 4_000, isOld: end },
    );
    expect(events.map(({ durationMs }) => durationMs)).toEqual([undefined, undefined]);
  });

  it("holds no secret in a path, however long, nor in a word for a state", async () => {
    const changes = ["", "a/".repeat(2_030)].map((folder) => ({ path: `/ws/${folder}${SECRET}/b`, kind: SECRET }));
    const [event] = await told({
      ...{ type: "item.completed", atMs: 0 },
      item: { id: SECRET, type: "file_change", changes, status: SECRET },
    });
    const text = JSON.stringify(event?.body);
    for (let length = 8; length < SECRET.length; length += 1) expect(text).not.toContain(SECRET.slice(0, length));
    expect(text).toContain('"path":"[redacted: environment-secret]/b"');
  });
});
