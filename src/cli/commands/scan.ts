import type { ScanFinding } from "../../app/actions/scan.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, printJson } from "../command.ts";

export function createScanCommand(deps: CliDeps): Command {
  return {
    name: "scan",
    summary: "Look for secrets in a branch, or in its whole history; says where they are and never shows one",
    usage: "[--history] [--json] [<branch>]",
    help: [
      "--history  every file and message that the branch can reach, and not only what it holds now",
      "--json     the same as JSON",
      "Exit code 0: nothing was found; 1: something was.",
    ],
    options: { history: { type: "boolean" }, json: { type: "boolean" } },
    words: { min: 0, max: 1 },
    async run(input) {
      const report = await deps.app.scan({ branch: input.words[0], history: input.flags.history === true });
      const { findings, notScanned, scanned } = report;
      if (input.flags.json === true) printJson(deps, report);
      else {
        for (const finding of findings) deps.print(findingLine(finding));
        deps.warn(`${findings.length} found in ${scanned.texts} files and messages (${scanned.bytes} bytes)`);
      }
      for (const path of notScanned) deps.warn(`not looked through, for it is too large: ${path}`);
      return findings.length === 0 ? 0 : 1;
    },
  };
}

function findingLine({ commit, path, line, kind }: ScanFinding): string {
  const where = line === 0 ? `${path} (its name)` : `${path ?? "(message)"}:${line}`;
  return `${commit.slice(0, 12)}  ${where}  ${kind}`;
}
