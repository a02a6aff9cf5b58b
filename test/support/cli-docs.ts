import { join } from "node:path";
import { type Command, helpLines } from "../../src/cli/command.ts";
import { loadCommands } from "../../src/cli/command-table.ts";
import { createFakeCliDeps } from "../fakes/fake-cli-deps.ts";

export const CLI_DOCS_PATH = join(import.meta.dirname, "../../docs/cli.md");

const HEAD = `# The command line

Made of the commands' own help: \`npm run docs:cli\` writes it anew.

\`codex-inbox [-C <dir>] <command> [options]\`. \`-C\` may stand before the command or behind it. Any folder of the workspace will do, and so does
any folder of the code whose workspace is elsewhere (\`init --branch\`). A task is named by any unique part of its id, a session
by any unique part of its key or of its thread's id. A whole id, key or thread comes before parts, and several that fit are listed (4). Where a task is
wanted a session stands for its open task, or for the one that ended last where none is open; where a session is wanted a task stands for its session.
A word that begins with a hyphen goes behind \`--\`.

\`--json\` prints an object with a \`version\`, which is 1. The number rises when a field goes away or changes its meaning; fields may be added at any
time. A task in it is the one that [openapi.json](openapi.json) describes as \`TaskView\`.

| exit code | means |
| --- | --- |
| 0 | ok |
| 1 | a task failed; doctor: a problem is left; scan: a secret was found |
| 2 | usage |
| 3 | not found |
| 4 | refused: not in this state, not allowed, several are meant |
| 5 | verification failed |
| 65 | the task file is not valid |
| 69 | codex is not available |
| 70 | a bug of ours |
| 75 | try again later |
| 78 | the configuration is not valid |
`;

/** Returns docs/cli.md. */
export async function cliDocsText(): Promise<string> {
  const commands = await loadCommands(createFakeCliDeps());
  return `${[HEAD, ...commands.map(section)].join("\n")}`;
}

function section(command: Command): string {
  const [summary = "", , usage = "", , ...help] = helpLines(command);
  const aliases = (command.aliases ?? []).map((alias) => `\`${alias}\``);
  const also = aliases.length === 0 ? "" : ` Also called ${aliases.join(", ")}.`;
  const lines = help.map((line) => line.replace(/^ {2}/, ""));
  return `## ${command.name}\n\n${summary}.${also}\n\n\`\`\`text\n${[usage, ...lines].join("\n")}\n\`\`\`\n`;
}
