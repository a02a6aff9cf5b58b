import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { createSaidLines } from "../../../../src/run/codex/events/said-lines.ts";
import type { SaidLine } from "../../../../src/run/driver.ts";
import { asKeptText } from "../../../../src/task/text/kept-text.ts";

const MESSAGE_BYTES = 64 * 1024;

function message(line: number): SaidLine {
  const text = asKeptText(Buffer.alloc(MESSAGE_BYTES, 97 + (line % 26)).toString());
  return { line, atMs: line, body: { kind: "assistant", text } };
}

it("what is left out of a long transcript is let go at once", async () => {
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  const lines = createSaidLines();
  const seen: WeakRef<SaidLine>[] = [];
  for (let line = 1; line <= 1_000; line += 1) {
    const entry = message(line);
    lines.add(entry);
    seen.push(new WeakRef(entry));
  }
  await nextTurn(); // Until then what a reference was made of is kept.
  collect();
  const kept = lines.all([]);
  expect(kept.length).toBeLessThan(80);
  expect(seen.filter((entry) => entry.deref() !== undefined).length).toBeLessThan(80);
});
