import type { CodexInstallation } from "../task/state/run.ts";

/** Finds the codex executable and checks that it can work. Rejects with `CoordinatorError` `CODEX`. */
export interface CodexPort {
  check(): Promise<CodexInstallation>;
  /** Changes when what codex works with was changed: its configuration, its login, the settings of its runs. */
  stamp(): string;
}

/** Tries codex's sandbox. */
export interface SandboxPort {
  /**
   * Returns what is wrong with it and what helps, as one sentence, or `undefined`. What worked before with the same stamp works, unless
   * it is doubted.
   */
  probe(options: { readonly isDoubted: boolean }): Promise<string | undefined>;
  /** Changes when what the sandbox depends on was changed: codex, or settings of the kernel. */
  stamp(): string;
}
