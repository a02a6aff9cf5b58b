import type { Tool } from "./conversation.ts";

/** An output item of the Responses API by which a model calls a tool. */
export type ToolCall =
  | { readonly type: "function_call"; readonly name: string; readonly arguments: string }
  | { readonly type: "custom_tool_call"; readonly name: string; readonly namespace?: string; readonly input: string }
  | { readonly type: "local_shell_call"; readonly action: LocalShellAction };

interface LocalShellAction {
  readonly type: "exec";
  readonly command: readonly string[];
}

/** The longest time codex 0.169.0 waits for a command before it goes on in the background. */
const COMMAND_WAIT_MS = 30_000;

/**
 * Returns the call that runs `command`, through whichever of `tools` can: their names and arguments depend on the model.
 * `undefined`: none of them runs commands.
 */
export function shellCall(tools: readonly Tool[], command: string): ToolCall | undefined {
  for (const tool of tools) {
    const call = shellCallOf(tool, command);
    if (call !== undefined) return call;
  }
  return undefined;
}

function shellCallOf(tool: Tool, command: string): ToolCall | undefined {
  const { type, name } = tool;
  const words = ["bash", "-c", command];
  if (isCodeMode(tool)) return codeModeCall(tool, "exec_command", { cmd: command, login: false });
  if (type === "local_shell") {
    return { type: "local_shell_call", action: { type: "exec", command: words } };
  }
  if (type !== "function") return undefined;
  switch (name) {
    case "exec_command":
      return functionCall(name, { cmd: command, login: false, yield_time_ms: COMMAND_WAIT_MS });
    case "shell":
      return functionCall(name, { command: words });
    case "shell_command":
      return functionCall(name, { command, login: false });
    default:
      return undefined;
  }
}

/**
 * Returns the call that makes `path` (relative to the working directory) hold the lines of `content`: a patch if the tools
 * take one, else a command. A file that is there already is replaced, missing folders are made.
 */
export function writeCall(tools: readonly Tool[], path: string, content: string): ToolCall | undefined {
  const lines = content.replace(/\n$/, "").split("\n");
  const patcher = tools.find((tool) => isCodeMode(tool) || (tool.type === "custom" && tool.name === "apply_patch"));
  if (patcher !== undefined && content !== "") {
    const patch = `*** Begin Patch\n*** Add File: ${path}\n${lines.map((line) => `+${line}\n`).join("")}*** End Patch\n`;
    if (isCodeMode(patcher)) return codeModeCall(patcher, "apply_patch", patch);
    return { type: "custom_tool_call", name: patcher.name, input: patch };
  }
  const file = quote(path);
  const print = content === "" ? ":" : `printf '%s\\n' ${lines.map(quote).join(" ")}`;
  return shellCall(tools, `mkdir -p -- "$(dirname -- ${file})" && ${print} > ${file}`);
}

function functionCall(name: string, args: Readonly<Record<string, unknown>>): ToolCall {
  return { type: "function_call", name, arguments: JSON.stringify(args) };
}

/** "Code mode": the one tool `exec` runs JavaScript in which the other tools are functions. */
function isCodeMode({ type, name }: Tool): boolean {
  return type === "custom" && name === "exec";
}

function codeModeCall({ name, namespace }: Tool, nested: string, argument: unknown): ToolCall {
  const input = `text(await tools.${nested}(${JSON.stringify(argument)}));\n`;
  return { type: "custom_tool_call", name, ...(namespace === undefined ? {} : { namespace }), input };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
