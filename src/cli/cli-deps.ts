import type { UseCases } from "../app/use-cases.ts";
import type { Terminal } from "./terminal.ts";

/** How standard input is read. */
export interface InputWanted {
  /** Also where it is a terminal. */
  readonly evenTyped: boolean;
  /** It is added to what is there already: the user may not know that it is waited for. */
  readonly isMore: boolean;
}

/** What commands are handed: the use cases, and a terminal. */
export interface CliDeps extends Omit<Terminal, "log"> {
  readonly app: UseCases;
  /** Absolute path of the folder that the user is in. */
  readonly currentDir: string;
  /** Unix ms. */
  now(): number;
  /** Standard input, whole; where it is a terminal only if that is wanted. */
  readInput(wanted: InputWanted): Promise<string>;
  /** Opens the user's shell in a folder, and resolves when it has ended; see `openShell`. */
  openShell(dir: string): Promise<void>;
  /** Has the user edit a text in their editor; see `editText`. */
  edit<Answer>(text: string, use: (edited: string) => Promise<Answer>): Promise<Answer | undefined>;
}
