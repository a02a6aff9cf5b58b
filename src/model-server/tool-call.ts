import type { Tool } from "./conversation.ts";

/** An output item of the Responses API by which a model calls a tool. */
export type ToolCall =
  | { readonly type: "function_call"; readonly name: string; readonly arguments: string }
  | { readonly type: "custom_tool_call"; readonly name: string; readonly input: string; readonly status: "completed" }
  | {
      readonly type: "local_shell_call";
      readonly status: "completed";
      readonly action: { readonly type: "exec"; readonly command: readonly string[] };
    };

/** The longest time codex 0.169.0 waits for a command before it goes on in the background. */
const COMMAND_WAIT_MS = 30_000;

/**
 * Returns the call that runs `command`, through whichever of `tools` can: their names and arguments depend on the model.
 * `undefined`: none of them runs commands.
 */
export function shellCall(tools: readonly Tool[], command: string): ToolCall | undefined {
  for (const { type, name } of tools) {
    if (type === "local_shell") {
      return {
        type: "local_shell_call",
        status: "completed",
        action: { type: "exec", command: ["bash", "-c", command] },
      };
    }
    const args = type === "function" ? shellArguments(name, command) : undefined;
    if (args !== undefined) return { type: "function_call", name, arguments: JSON.stringify(args) };
    if (type === "custom" && name === "exec") {
      // "Code mode": the tool is a JavaScript runtime in which the others are functions.
      const input = JSON.stringify({ cmd: command, login: false, yield_time_ms: COMMAND_WAIT_MS });
      return customCall(name, `text(await tools.exec_command(${input}));`);
    }
  }
  return undefined;
}

function shellArguments(name: string, command: string): Readonly<Record<string, unknown>> | undefined {
  switch (name) {
    case "exec_command":
      return { cmd: command, login: false, yield_time_ms: COMMAND_WAIT_MS };
    case "shell":
      return { command: ["bash", "-c", command] };
    case "shell_command":
      return { command, login: false };
    default:
      return undefined;
  }
}

/**
 * Returns the call that makes `path` (relative to the working directory) hold the lines of `content`: a patch if the tools
 * take one, else a command. A file that is there already is replaced.
 */
export function writeCall(tools: readonly Tool[], path: string, content: string): ToolCall | undefined {
  const lines = content.replace(/\n$/, "").split("\n");
  if (tools.some(({ type, name }) => type === "custom" && name === "apply_patch")) {
    const added = lines.map((line) => `+${line}\n`).join("");
    return customCall("apply_patch", `*** Begin Patch\n*** Add File: ${path}\n${added}*** End Patch\n`);
  }
  const file = quote(path);
  return shellCall(
    tools,
    `mkdir -p -- "$(dirname -- ${file})" && printf '%s\\n' ${lines.map(quote).join(" ")} > ${file}`,
  );
}

function customCall(name: string, input: string): ToolCall {
  return { type: "custom_tool_call", name, input, status: "completed" };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
