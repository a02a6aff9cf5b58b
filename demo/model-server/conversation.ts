/** What the server needs to know of one request of codex; everything comes from its body, so that the server keeps no state. */
export interface Conversation {
  readonly model: string;
  /** The id of the codex thread (`prompt_cache_key`); empty if the request carries none. */
  readonly threadId: string;
  /** What the user said, oldest first, in every turn so far. The messages that codex adds in the user's name are left out. */
  readonly userTexts: readonly string[];
  /** How many tool calls were answered since the last user message: how far the script of that message has been played. */
  readonly toolOutputs: number;
  readonly tools: readonly Tool[];
}

export interface Tool {
  readonly type: string;
  readonly name: string;
  readonly namespace: string | undefined;
}

/** Reads a request body of the Responses API. Parts that are missing or of another shape count as absent. */
export function readConversation(body: unknown): Conversation {
  const userTexts: string[] = [];
  let toolOutputs = 0;
  for (const item of listOf(body, "input")) {
    const type = textOf(item, "type");
    const text = type === "message" && textOf(item, "role") === "user" ? userText(item) : undefined;
    if (text !== undefined) {
      userTexts.push(text);
      toolOutputs = 0;
    } else if (type.endsWith("_call_output")) toolOutputs += 1;
  }
  return {
    model: textOf(body, "model"),
    threadId: textOf(body, "prompt_cache_key"),
    userTexts,
    toolOutputs,
    tools: [body, ...listOf(body, "input")].flatMap((part) => readTools(part, undefined)),
  };
}

/** Reads the tools of a request; models with "code mode" are offered theirs in an item of the input, in namespaces. */
function readTools(holder: unknown, namespace: string | undefined): readonly Tool[] {
  return listOf(holder, "tools").flatMap((tool) => {
    const [type, name] = [textOf(tool, "type"), textOf(tool, "name")];
    return type === "namespace" ? readTools(tool, name) : [{ type, name, namespace }];
  });
}

/** How the texts begin that codex 0.169.0 sends as messages of the user although nobody typed them. */
const ADDED_BY_CODEX = [
  "<environment_context>",
  "# AGENTS.md instructions",
  "<turn_aborted>",
  "<user_shell_command>",
  "<recommended_plugins>",
  "<subagent_notification>",
  "<skill>",
];

/** Returns the typed text of a user message, or `undefined` if all of it was added by codex. */
function userText(message: unknown): string | undefined {
  const texts = listOf(message, "content")
    .map((part) => textOf(part, "text"))
    .filter((text) => !ADDED_BY_CODEX.some((beginning) => text.startsWith(beginning)));
  return texts.length === 0 ? undefined : texts.join("\n");
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function textOf(value: unknown, key: string): string {
  const field = fieldOf(value, key);
  return typeof field === "string" ? field : "";
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const field = fieldOf(value, key);
  return Array.isArray(field) ? field : [];
}
