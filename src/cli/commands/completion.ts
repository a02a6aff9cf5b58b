import { CoordinatorError } from "../../base/errors.ts";
import type { CliDeps } from "../cli-deps.ts";
import type { Command } from "../command.ts";
import { completionScript, SHELLS } from "../completion-script.ts";

/** @param commands what is completed */
export function createCompletionCommand(
  deps: Pick<CliDeps, "printText">,
  commands: () => Promise<readonly Command[]>,
): Command {
  return {
    name: "completion",
    summary: "Print a script that completes commands, flags, tasks and sessions in your shell",
    usage: SHELLS.join("|"),
    help: [
      "bash  source <(codex-inbox completion bash)",
      "zsh   source <(codex-inbox completion zsh), after compinit",
      "fish  codex-inbox completion fish | source",
    ],
    options: {},
    words: { min: 1, max: 1 },
    async run({ words: [name = ""] }) {
      const shell = SHELLS.find((one) => one === name);
      if (shell === undefined)
        throw new CoordinatorError("USAGE", `expected one of ${SHELLS.join(", ")}, not "${name}"`);
      deps.printText(completionScript(shell, await commands()).trimEnd());
      return 0;
    },
  };
}
