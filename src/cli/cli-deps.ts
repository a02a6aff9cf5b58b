import type { UseCases } from "../app/use-cases.ts";
import type { Terminal } from "./terminal.ts";

/** What commands are handed: the use cases, and a terminal. */
export interface CliDeps extends Omit<Terminal, "log"> {
  readonly app: UseCases;
  /** Absolute path of the folder that the user is in. */
  readonly currentDir: string;
  /** Unix ms. */
  now(): number;
  /** Standard input, whole; only where it is not a terminal. */
  readInput(): Promise<string>;
}
