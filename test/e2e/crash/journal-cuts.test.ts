import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { FaultPoint } from "../../../src/base/fault-point.ts";
import { shardOf } from "../../support/crash-shard.ts";
import { expectSettled } from "../../support/settled.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

const PROMPT = "[[say: one]] [[command: true]] [[final: hello]]\n";

/** A task that has run to its end, in a coordinator that died at `fault`; `journal` is the file of the task's journal. */
async function crashedAfterRun(fault: FaultPoint, journalFolder: string) {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", PROMPT);
  const crashed = workspace.serve({ fault });
  expect((await crashed.ended).signal, crashed.log()).toBe("SIGKILL");
  const [name = ""] = workspace.stateFiles(journalFolder);
  const journal = join(workspace.stateDir, journalFolder, name);
  return { workspace, journal, text: readFileSync(journal, "utf8"), ...keepCopy(workspace) };
}

/** Copies a workspace, so that `restore` brings it back as it was: as this clone, and not as a copy of it. */
function keepCopy({ dir, stateDir }: TestWorkspace): { restore(): void } {
  const copy = join(tempDir(), "copy");
  cpSync(dir, copy, { recursive: true });
  return {
    restore() {
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
      cpSync(copy, dir, { recursive: true });
      const clone = join(stateDir, "clone");
      writeFileSync(clone, `${readFileSync(clone, "utf8").split("\n", 1).join()}\n`); // Without the place it was made for.
    },
  };
}

/** Starts at which the journal could have ended, and one in the middle of each line but the first: that one is made at once. */
function cutsOf(text: string): readonly { readonly name: string; readonly text: string }[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.flatMap((line, index) => {
    const before = lines.slice(0, index).map((one) => `${one}\n`);
    const whole = { name: `after line ${index + 1}`, text: [...before, `${line}\n`].join("") };
    const torn = { name: `in line ${index + 1}`, text: [...before, line.slice(0, line.length / 2)].join("") };
    return index === 0 ? [whole] : [torn, whole];
  });
}

/** Cuts between records that were written together: a start, or the end of a run, without the state that follows. */
function cutsInsideLines(text: string): readonly { readonly name: string; readonly text: string }[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.flatMap((line, index) => {
    const [first, second]: readonly { readonly k: string }[] = [JSON.parse(line)].flat();
    if (first === undefined || second === undefined) return [];
    const before = lines.slice(0, index).map((one) => `${one}\n`);
    return [{ name: `after the record "${first.k}"`, text: [...before, `${JSON.stringify(first)}\n`].join("") }];
  });
}

it("wherever the journal of a run ends, the next start comes to the same outcome and runs no agent again", {
  timeout: 90_000,
}, async () => {
  const { workspace, journal, text, restore } = await crashedAfterRun("finish:journaled", "journal/open");
  const cuts = [...cutsOf(text), ...cutsInsideLines(text)];
  expect(cuts.map(({ name }) => name)).toEqual([
    ...["after line 1", "in line 2", "after line 2", "in line 3", "after line 3", "in line 4", "after line 4"],
    ...['after the record "started"', 'after the record "run"'],
  ]);
  const outcomes = new Map<string, unknown>();
  const whole = cuts.find(({ name }) => name === "after line 4");
  const shard = shardOf("cuts of a journal", cuts).filter((cut) => cut !== whole);
  for (const cut of [...(whole === undefined ? [] : [whole]), ...shard]) {
    restore();
    writeFileSync(journal, cut.text);
    await workspace.serveUntilIdle({ isAlone: true });
    expectSettled(workspace, { tasks: 1 });
    outcomes.set(cut.name, {
      runs: workspace.stubRuns().length,
      answer: workspace.results.task("hello").result?.lastMessage,
      transcript: workspace.results.transcript("docs").map(({ run, line, body }) => [run, line, body]),
    });
  }
  const expected = outcomes.get("after line 4");
  expect(expected).toMatchObject({ runs: 1, answer: "hello" });
  for (const [name, outcome] of outcomes) expect(outcome, name).toEqual(expected);
});

it("wherever the journal of a committed task ends, the task stays done", async () => {
  const { workspace, journal, text, restore } = await crashedAfterRun("finish:retired", "journal/done");
  for (const cut of cutsOf(text).slice(-3)) {
    restore();
    writeFileSync(journal, cut.text);
    await workspace.serveUntilIdle({ isAlone: true });
    expectSettled(workspace, { tasks: 1 });
    expect(workspace.stubRuns(), cut.name).toHaveLength(1);
  }
});
