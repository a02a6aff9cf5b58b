import type { WriteStream } from "node:tty";
import { CoordinatorError, exitCodeOf, systemErrorCode } from "../base/errors.ts";
import type { Log } from "../base/surroundings.ts";
import { visibleLine, visibleText } from "../task/text/visible-text.ts";

/** The one way to standard output and standard error: no text of others acts on the terminal, or poses as a line of ours. */
export interface Terminal {
  /** One line of output. */
  readonly print: (line: string) => void;
  /** A line of which parts are set off, where output goes to a terminal that shows colours. */
  readonly printStyled: (line: readonly Span[]) => void;
  /** Data as it is, for programs; on a terminal as `printText`. A line feed ends it, its own or one of ours. */
  readonly printData: (text: string) => void;
  /** Width of the terminal in characters; `undefined` where output goes elsewhere. */
  readonly columns: number | undefined;
  /** Output of any number of lines, JSON for one. */
  readonly printText: (text: string) => void;
  /** What is wrong, on standard error. */
  readonly warn: (text: string) => void;
  /** One line per event on standard error: time, event, `key=value`. A value with anything unusual in it is put in quotes. */
  readonly log: Log;
}

export interface Span {
  readonly text: string;
  readonly style?: keyof typeof STYLES | undefined;
}

/** SGR codes. */
const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
/** Errors of a stream that nobody reads any more. */
const READER_GONE = ["EPIPE", "EIO"];
/** Of a terminal that does not say. */
const COLUMNS_DEFAULT = 80;

export interface Streams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

export function openTerminal(
  { stdout, stderr }: Streams = process,
  environment: NodeJS.ProcessEnv = process.env,
): Terminal {
  const { isTTY = false } = stdout as Partial<WriteStream>;
  const hasColours = isTTY && (environment.NO_COLOR ?? "") === "" && environment.TERM !== "dumb";
  // Whoever read what we print has gone (a pager, a closed terminal): the work goes on unheard.
  const failed = (error: unknown): void => {
    const code = systemErrorCode(error) ?? "";
    if (READER_GONE.includes(code)) return;
    throw new CoordinatorError("TRY_AGAIN", `the output cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  };
  stdout.on("error", failed);
  stderr.on("error", unheard);
  /** A file is written at once, and what is wrong with it thrown. */
  const out = (text: string): void => {
    flush();
    put(stdout, text, failed);
  };
  /** Lines of the log that are written together at the end of this turn of the event loop: each write wakes who reads them. */
  let lines: string[] = [];
  const flush = (): void => {
    if (lines.length === 0) return;
    const text = lines.join("");
    lines = [];
    process.off("exit", flush);
    put(stderr, text, unheard);
  };
  const err = (text: string): void => {
    flush();
    put(stderr, text, unheard);
  };
  return {
    print: (line) => out(`${visibleLine(line)}\n`),
    printStyled(line) {
      const parts = line.map(({ text, style }) =>
        style === undefined || !hasColours
          ? visibleLine(text)
          : `\u001b[${STYLES[style]}m${visibleLine(text)}\u001b[0m`,
      );
      out(`${parts.join("").trimEnd()}\n`);
    },
    printData: (text) => out(`${isTTY ? visibleText(text) : text}${text.endsWith("\n") ? "" : "\n"}`),
    get columns() {
      return isTTY ? (stdout as Partial<WriteStream>).columns || COLUMNS_DEFAULT : undefined;
    },
    printText: (text) => out(`${visibleText(text)}\n`),
    warn: (text) => err(`${visibleText(text)}\n`),
    log(event, fields) {
      const parts = Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => `${key}=${valueText(String(value))}`);
      if (lines.length === 0) {
        setImmediate(flush);
        process.once("exit", flush);
      }
      lines.push(`${visibleLine([new Date().toISOString(), event, ...parts].join(" "))}\n`);
    },
  };
}

/** What cannot be said on standard error (a full disk, a closed one) is said nowhere, and stops nothing. */
const unheard = (): void => undefined;

function put(stream: NodeJS.WritableStream, text: string, failed: (error: unknown) => void): void {
  try {
    stream.write(text);
  } catch (error) {
    failed(error);
  }
}

/** What is shown of an error that ends a command: of one of ours, all. */
export function errorText(error: unknown): string {
  if (error instanceof CoordinatorError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/**
 * Ends the process with an error that nobody has caught, and says which: Node would print it as it is, and its message may hold a
 * name that others gave. Its lines are indented, so that none poses as one of the log.
 */
export function endWithUncaught({ warn }: Pick<Terminal, "warn">): void {
  process.on("uncaughtException", (error: unknown) => {
    warn(`codex-inbox: ${errorText(error).replaceAll("\n", "\n    ")}`);
    process.exit(exitCodeOf(error));
  });
}

function valueText(value: string): string {
  return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
}
