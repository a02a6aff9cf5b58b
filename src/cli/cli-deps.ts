import type { ShownPolicy } from "../app/change-policy.ts";
import type { InitOptions } from "../app/init.ts";
import type { Queries } from "../app/queries/queries.ts";
import type { ServeOptions } from "../app/serve/serve.ts";
import type { PauseStore } from "../dispatch/pauses.ts";
import type { PolicyChange } from "../task/rights/policy-change.ts";

/** What commands are handed; they know neither git nor codex. */
export interface CliDeps {
  print(line: string): void;
  warn(line: string): void;
  /** Standard input, whole; only where it is not a terminal. */
  readInput(): Promise<string>;
  /** Makes the workspace in the chosen folder and commits it. Returns what to tell the user, line by line. */
  init(options: InitOptions): Promise<readonly string[]>;
  serve(options: ServeOptions): Promise<number>;
  /** Puts a task file into the inbox under its id. Returns the id. */
  publish(text: string): Promise<{ readonly id: string; readonly path: string; readonly warnings: readonly string[] }>;
  /** Returns the policy of the workspace, after `change` where there is one; works whether or not a coordinator runs. */
  policy(change: PolicyChange | undefined): Promise<ShownPolicy>;
  /** Opens the workspace for reading; works whether or not a coordinator runs. */
  withQueries<Result>(use: (queries: Queries) => Promise<Result>): Promise<Result>;
  /** Asks for a task to be stopped; ends its run even if no coordinator is there. */
  stop(id: string): Promise<void>;
  /** What is paused; `session`: the one that will be asked for. @throws CoordinatorError `USAGE` where that is no session's name */
  pauses(session: string | undefined): Promise<PauseStore>;
  /** Unix ms. */
  now(): number;
}
