import { assemblePrompt } from "./prompt.ts";
import type { Memory } from "../memory/memory.ts";
import type { PromptPort } from "../dispatch/ports.ts";
import { termsOf } from "../memory/memory-terms.ts";

/** What of the settings is about prompts; they may be edited while serving. */
export interface PromptSettings {
  /** Characters of notes; 0: none. */
  readonly maxMemoryChars: number;
  readonly outputPolicy?: string | undefined;
}

/** Puts beside a prompt what the notes say of its words, and the policy of the workspace. */
export function createPromptPort(memory: Memory, settings: () => PromptSettings): PromptPort {
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
