import { describe, expect, it } from "vitest";
import { promptWithRecap } from "../../../src/task/session/recap.ts";
import type { TranscriptBody, TranscriptEntry } from "../../../src/task/session/transcript-entry.ts";

function entries(...bodies: readonly TranscriptBody[]): readonly TranscriptEntry[] {
  return bodies.map((body, line) => ({
    ...{
      v: 1,
      task: "20261120-141530-k3f9x2",
      run: 1,
      attempt: 1,
      line,
      thread: null,
      time: "2026-11-20T14:15:30Z",
      body,
    },
  }));
}

describe("the prompt of a fresh thread", () => {
  it("is followed by what was said last, quoted", () => {
    const said = entries(
      { kind: "user", text: "First.\n---\nSecond." },
      { kind: "error", message: "no matter" },
      { kind: "assistant", text: "Done." },
      { kind: "end", outcome: "succeeded", reason: null },
    );
    expect(promptWithRecap("Go on.\n", said, "codex does not have the thread")).toBe(
      [
        ...["Go on.", "", "", "---", ""],
        "This is a new thread, because codex does not have the thread. For your orientation, what was said last in the session before, shortened; it asks for nothing:",
        ...["", "> **user**", "> First.", "> ---", "> Second.", "", "> **assistant**", "> Done.", "", ""],
      ].join("\n"),
    );
  });

  it("has the newest messages where not all fit, and none of them whole if it is long", () => {
    const many = entries(
      ...Array.from(
        { length: 50 },
        (_, n): TranscriptBody => ({ kind: "assistant", text: `${n} ${"x".repeat(5_000)}` }),
      ),
    );
    const prompt = promptWithRecap("Go on.", many, "it was full");
    expect(prompt.length).toBeLessThanOrEqual(16_000 + "Go on.".length);
    expect(prompt).toContain("> 49 xxx");
    expect(prompt).not.toContain("> 40 xxx");
  });

  it("never grows beyond what codex takes", () => {
    const prompt = "x".repeat(1_048_570);
    expect(promptWithRecap(prompt, entries({ kind: "user", text: "hello" }), "it was full")).toBe(prompt);
  });

  it("is the prompt alone where nothing was said", () => {
    expect(promptWithRecap("Go on.", [], "it was full")).toBe("Go on.");
  });
});
