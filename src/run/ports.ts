import type { CodexInstallation } from "../task/state/run.ts";

/** Finds the codex executable and checks that it can work. Rejects with `CoordinatorError` `CODEX`. */
export interface CodexPort {
  check(): Promise<CodexInstallation>;
  /** Changes when what codex works with was changed: its configuration, its login, the settings of its runs. */
  stamp(): string;
}
