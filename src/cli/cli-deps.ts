import type { UseCases } from "../app/use-cases.ts";

/** What commands are handed: the use cases, and a terminal. */
export interface CliDeps {
  readonly app: UseCases;
  print(line: string): void;
  warn(line: string): void;
  /** Standard input, whole; only where it is not a terminal. */
  readInput(): Promise<string>;
}
