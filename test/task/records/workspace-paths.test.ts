import { expect, it } from "vitest";
import * as paths from "../../../src/task/records/workspace-paths.ts";

it("keeps everything of a session in the session's folder", () => {
  expect(paths.sessionFolder("docs/api")).toBe("sessions/docs/api");
  expect(paths.sessionFactsPath("docs")).toBe("sessions/docs/session.jsonl");
  expect(paths.transcriptPath("docs")).toBe("sessions/docs/transcript.jsonl");
  expect(paths.rotatedTranscriptPath("docs", "c1", 1)).toBe("sessions/docs/transcript/c1-0001.jsonl");
  expect(paths.taskFilePath("docs", paths.datedFolder("2026-11-20", 1), "id")).toBe("sessions/docs/2026-11-20/id.md");
});

it("counts the folders of a day from the second on", () => {
  expect([1, 2, 10].map((sequence) => paths.datedFolder("2026-11-20", sequence))).toEqual([
    "2026-11-20",
    "2026-11-20-2",
    "2026-11-20-10",
  ]);
});

it("names a closed ledger by day, clone and number", () => {
  expect(paths.rotatedLedgerPath("2026-11-20", "c1", 12)).toBe("tasks/2026-11-20/c1-0012.md");
});
