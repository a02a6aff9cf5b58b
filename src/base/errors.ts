/** Exit codes of every command; the numbers are part of the interface (docs/spec.md). */
const EXIT_CODE = {
  TASK_FAILED: 1,
  USAGE: 2,
  /** A request whose body is no JSON. */
  BAD_JSON: 2,
  /** A request whose body is JSON and says that it is something else. */
  UNDECLARED_JSON: 2,
  /** An idempotency key that stands for another request. */
  KEY_REUSED: 2,
  NOT_FOUND: 3,
  REFUSED: 4,
  /** A task that asks for more than the policy allows. */
  NOT_ALLOWED: 4,
  VERIFICATION: 5,
  TASK_FILE: 65,
  CODEX: 69,
  OUR_BUG: 70,
  TRY_AGAIN: 75,
  QUEUE_FULL: 75,
  /** Git cannot do what has to be done in this repository: something in it is damaged or gone, or git itself is. */
  GIT: 78,
  CONFIG: 78,
} as const;

export type ErrorCode = keyof typeof EXIT_CODE;

/** One thing that is wrong with what was given, and where: in a key that was given by name, or at a place of a text. */
export interface ErrorPlace {
  readonly key?: string;
  /** From 1, like `column`. */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  readonly message: string;
  readonly expected?: string;
}

/**
 * A failure with a stable code and a one-line message that says what, where, and what would be right.
 * Plain `Error`s are our own bugs and end with exit code 70.
 */
export class CoordinatorError extends Error {
  override readonly name: string = "CoordinatorError";
  readonly code: ErrorCode;
  /** Every single problem, where `message` holds several. */
  readonly places: readonly ErrorPlace[] | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { readonly places?: readonly ErrorPlace[] } = {},
  ) {
    super(message, options);
    this.code = code;
    this.places = options.places;
  }

  get exitCode(): number {
    return EXIT_CODE[this.code];
  }
}

/** Tells whether a text, in the answer of a coordinator, is a code of ours. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === "string" && Object.hasOwn(EXIT_CODE, text);
}

/** Returns the exit code that belongs to `error`; anything not typed is our bug. */
export function exitCodeOf(error: unknown): number {
  return error instanceof CoordinatorError ? error.exitCode : EXIT_CODE.OUR_BUG;
}

/** Returns the `code` of a Node system error (`ENOENT`, …), or `undefined` for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
