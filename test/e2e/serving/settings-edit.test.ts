import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("an edit of the settings while serving is confirmed, and what counts from the next start on is named", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  await coordinator.saw("serving");
  writeFileSync(join(workspace.dir, "codex-inbox.json"), JSON.stringify({ rescanMs: 20_000, maxWorkers: 1 }));
  const [line] = await waitFor(
    () => (coordinator.lines("settings-read").length > 0 ? coordinator.lines("settings-read") : undefined),
    { what: "the edit to be confirmed" },
  );
  expect(line?.field("hint")).toBe("from the next start on: rescanMs");
});
