import type { CliDeps } from "../cli-deps.ts";
import { type Command, printJson } from "../command.ts";
import { syncLines } from "../sync-lines.ts";

export function createSyncCommand(deps: CliDeps): Command {
  return {
    name: "sync",
    summary: "Fetch from the remote, bring both sides together, and push, now",
    usage: "[--json | --print-hook]",
    help: [
      "--json        print how branch and remote stand then as JSON",
      "--print-hook  print a post-receive hook for a bare repository on this machine: what is pushed there is then taken at once",
      'The remote is named in codex-inbox.json: "sync": { "remote": "origin" }. A coordinator at work does it; else this command does.',
      "Exit code: 0, or 75 where the remote cannot be used now, or something is in the way; it says what. 78: none is named.",
    ],
    options: { json: { type: "boolean" }, "print-hook": { type: "boolean" } },
    words: { min: 0, max: 0 },
    async run(input) {
      if (input.flags["print-hook"] === true) {
        for (const line of (await deps.app.receiveHook()).trimEnd().split("\n")) deps.print(line);
        return 0;
      }
      const state = await deps.app.sync();
      if (input.flags.json === true) printJson(deps, state);
      else for (const line of syncLines(state, (iso) => iso)) deps.print(line);
      return state.problem === null && state.inTheWay === null ? 0 : 75;
    },
  };
}
