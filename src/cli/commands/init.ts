import type { CliDeps } from "../cli-deps.ts";
import { type Command, textFlag } from "../command.ts";

export function createInitCommand(deps: CliDeps): Command {
  return {
    name: "init",
    summary: "Make this folder of a Git repository a workspace, and commit what that adds",
    usage: "[--branch <name> [--dir <path>]] [--another]",
    help: [
      "--branch <name>  keep the workspace on a branch of its own, in a linked worktree (recommended for repositories of code)",
      "--dir <path>     where that worktree goes (default: beside the repository, <repository>-inbox)",
      "--another        also in a workspace, or where this checkout has one elsewhere: a queue of its own, with tasks of its own",
    ],
    options: { branch: { type: "string" }, dir: { type: "string" }, another: { type: "boolean" } },
    words: { min: 0, max: 0 },
    async run(input) {
      const [branch, dir] = [textFlag(input, "branch"), textFlag(input, "dir")];
      for (const line of await deps.app.init({ branch, dir, another: input.flags.another === true })) deps.print(line);
      return 0;
    },
  };
}
