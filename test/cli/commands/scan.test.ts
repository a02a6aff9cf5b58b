import { expect, it } from "vitest";
import type { ScanOptions, ScanReport } from "../../../src/app/actions/scan.ts";
import { createScanCommand } from "../../../src/cli/commands/scan.ts";
import { asKeptText } from "../../../src/task/text/kept-text.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const CLEAN: ScanReport = {
  ...{ branch: "HEAD", history: false, scanned: { texts: 3, bytes: 90 }, findings: [], notScanned: [] },
};
const FOUND: ScanReport = {
  ...CLEAN,
  findings: [
    { commit: COMMIT, path: asKeptText("a.txt"), line: 7, kind: "github-token" },
    { commit: COMMIT, path: asKeptText("[redacted].txt"), line: 0, kind: "known-value" },
    { commit: COMMIT, path: null, line: 2, kind: "private-key" },
  ],
  notScanned: [asKeptText("big.bin")],
};

function scan(report: ScanReport) {
  const asked: ScanOptions[] = [];
  const deps = createFakeCliDeps({
    scan: async (options) => {
      asked.push(options);
      return report;
    },
  });
  return { asked, deps, command: createScanCommand(deps) };
}

it("says where secrets are, in files, names and messages, and ends with 1", async () => {
  const { asked, deps, command } = scan(FOUND);
  expect(await runCommand(command, "--history", "main")).toBe(1);
  expect(asked).toEqual([{ branch: "main", history: true }]);
  expect(deps.printed).toEqual([
    "0123456789ab  a.txt:7  github-token",
    "0123456789ab  [redacted].txt (its name)  known-value",
    "0123456789ab  (message):2  private-key",
  ]);
  expect(deps.warned).toEqual([
    "3 found in 3 files and messages (90 bytes)",
    "not looked through, for it is too large: big.bin",
  ]);
});

it("ends with 0 where there is none, and prints the same as JSON", async () => {
  const { asked, deps, command } = scan(CLEAN);
  expect(await runCommand(command)).toBe(0);
  expect([asked, deps.printed]).toEqual([[{ branch: undefined, history: false }], []]);
  expect(await runCommand(command, "--json")).toBe(0);
  expect(JSON.parse(deps.printed.join("\n"))).toEqual({ version: 1, ...CLEAN });
  await expect(runCommand(command, "main", "next")).rejects.toMatchObject({ code: "USAGE" });
});
