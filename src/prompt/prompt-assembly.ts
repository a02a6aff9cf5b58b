import type { Memory } from "../memory/memory.ts";
import { termsOf } from "../task/notes/memory-terms.ts";
import type { TaskSpec } from "../task/spec/task-spec.ts";
import type { RunContext } from "../task/state/run.ts";
import { assemblePrompt } from "./prompt.ts";

/** Adds to a prompt what the agent should know besides. Never rejects for what is wrong with notes. */
export interface PromptAssembly {
  /** @param memory what the task asks for: whether notes are wanted, or terms to search them for beside the prompt's own */
  assemble(
    prompt: string,
    memory: TaskSpec["memory"],
  ): Promise<{
    /** Begins with the prompt. */
    readonly text: string;
    /** What follows it; `undefined` where nothing does. */
    readonly context: RunContext | undefined;
  }>;
}

/** What of the settings is about prompts; they may be edited while serving. */
export interface PromptSettings {
  /** Characters of notes; 0: none. */
  readonly maxMemoryChars: number;
  readonly outputPolicy?: string | undefined;
}

/** Puts beside a prompt what the notes say of its words, and the policy of the workspace. */
export function createPromptAssembly(memory: Memory, settings: () => PromptSettings): PromptAssembly {
  return {
    async assemble(prompt, wanted) {
      const { maxMemoryChars, outputPolicy = "" } = settings();
      const terms = wanted === false ? [] : termsOf(prompt, wanted === true ? [] : wanted);
      const notes = await memory.search(terms, { charactersMax: maxMemoryChars });
      const text = assemblePrompt({ prompt, memory: notes.text, outputPolicy });
      if (text === prompt) return { text, context: undefined };
      // A prompt that fills what codex takes leaves no room for notes.
      const hasNotes = text !== assemblePrompt({ prompt, memory: "", outputPolicy });
      const source = hasNotes ? { lines: notes.lines.length, tool: notes.tool } : { lines: 0, tool: "none" };
      return { text, context: { text: text.slice(prompt.length), ...source } };
    },
  };
}
