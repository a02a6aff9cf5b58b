import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createMemory } from "../../src/memory/memory.ts";
import type { PromptAssembly } from "../../src/prompt/prompt-assembly.ts";
import { createPromptAssembly, type PromptSettings } from "../../src/prompt/prompt-assembly.ts";
import { tempDir } from "../support/temp-dir.ts";

const PACKAGE_DIR = join(import.meta.dirname, "../..");
const SETTINGS: PromptSettings = { maxMemoryChars: 4_000 };

function promptPort(settings: () => PromptSettings): PromptAssembly {
  const dir = tempDir();
  mkdirSync(join(dir, "memory"));
  writeFileSync(join(dir, "MEMORY.md"), "- The login lives in src/login.ts.\n");
  writeFileSync(join(dir, "memory/dates.md"), "Dates are UTC.\n");
  return createPromptAssembly(
    createMemory({ workspaceDir: dir, environment: process.env, packageDir: PACKAGE_DIR }),
    settings,
  );
}

it("adds what the notes say of the prompt's words, and of those the task names", async () => {
  const port = promptPort(() => SETTINGS);
  const { text, context } = await port.assemble("Fix the login.", true);
  expect(text).toBe(`Fix the login.${context?.text}`);
  expect(context).toMatchObject({ lines: 1, tool: expect.stringMatching(/^(rg|grep)$/) });
  expect(text).toContain("\n| MEMORY.md:1 - The login lives in src/login.ts.\n");
  const more = await port.assemble("Fix the login.", ["UTC"]);
  expect(more.context).toMatchObject({ lines: 2 });
  expect(more.text).toContain("\n| memory/dates.md:1 Dates are UTC.\n");
});

it("adds nothing where nothing is wanted, found or allowed", async () => {
  let settings = SETTINGS;
  const port = promptPort(() => settings);
  const alone = { text: "Fix the login.", context: undefined };
  expect(await port.assemble("Fix the login.", false)).toEqual(alone);
  expect(await port.assemble("Say hello.", true)).toEqual({ text: "Say hello.", context: undefined });
  settings = { maxMemoryChars: 0 };
  expect(await port.assemble("Fix the login.", true)).toEqual(alone);
});

it("adds the policy in force, with or without notes", async () => {
  const port = promptPort(() => ({ ...SETTINGS, outputPolicy: "Answer in English." }));
  const { text, context } = await port.assemble("Say hello.", true);
  expect(text).toBe("Say hello.\n\n# Output Policy\n\nAnswer in English.\n");
  expect(context).toEqual({ text: "\n\n# Output Policy\n\nAnswer in English.\n", lines: 0, tool: "none" });
  const both = await port.assemble("Fix the login.", []);
  expect(both.text.indexOf("# Output Policy")).toBeGreaterThan(both.text.indexOf("# Memory Context"));
});

it("tells of no notes that had no room", async () => {
  const port = promptPort(() => ({ ...SETTINGS, outputPolicy: "Answer in English." }));
  const { text, context } = await port.assemble(`Fix the login. ${"x".repeat(1_048_500)}`, true);
  expect(text.length).toBeLessThanOrEqual(1_048_576);
  expect(context).toMatchObject({ lines: 0, tool: "none" });
});
