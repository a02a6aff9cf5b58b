import { isBelow } from "../task/rights/rights.ts";
import { shellWord } from "../task/text/shell-word.ts";

/** Returns the command that serves `workspace`; one elsewhere has to be named. `undefined`: the one around the user. */
export function serveCommand(workspace: string | undefined, currentDir = ""): string {
  const isHere = workspace === undefined || isBelow(workspace, currentDir);
  return `codex-inbox ${isHere ? "" : `-C ${shellWord(workspace)} `}serve`;
}
