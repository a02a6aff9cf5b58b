declare const kept: unique symbol;

/**
 * Text that has passed the redaction boundary and may be written for keeps: into the journal, and from there into commits. A `Keeper`
 * makes it, and what a branch holds is kept already.
 */
export type KeptText = string & { readonly [kept]: true };

/** A value of which every text has passed the boundary, the keys of its mappings included. */
export type Kept<T> = unknown extends T
  ? T
  : T extends string
    ? string extends T
      ? KeptText
      : T
    : T extends readonly unknown[]
      ? { readonly [Index in keyof T]: Kept<T[Index]> }
      : T extends object
        ? { readonly [Key in keyof T]: Kept<T[Key]> }
        : T;

/**
 * The redaction boundary: what is secret is replaced by a marker that names its kind, and the text around it stays as it is. The same
 * input gives the same output, and what has passed passes again unchanged.
 */
export interface Keeper {
  /** Returns `value` with every text in it redacted. What was returned once is known by identity and costs nothing. */
  keep<T>(value: T): Kept<T>;
  /** Does the same, and lets other work have its turn in between: for what may be large. */
  keepInSlices<T>(value: T): Promise<Kept<T>>;
  /** Returns the kinds of secrets in a text, each once; empty where there are none. */
  kindsIn(text: string): readonly string[];
  /**
   * Returns `text` as a path or a key may hold it: a part that holds a secret becomes "redacted-", the kind and some digits of
   * its hash, so that two of them stay two.
   */
  keepName(text: string): KeptText;
  /** Returns `text` of at most about `limitBytes`, its middle left out where it has more; no cut goes through a secret. In slices too. */
  keepExcerpt(text: string, limitBytes: number): Promise<KeptText>;
  /**
   * Returns `texts`, which follow one another in one stream, without what is known by value and stands split over several of them. In
   * slices too.
   */
  keepSplit(texts: readonly KeptText[]): Promise<readonly KeptText[]>;
}

/**
 * Says of a value that its texts have passed the boundary. For the boundary itself; for what is put together of kept text and words of
 * our own alone; and for what the branch or the journal holds.
 */
export function asKept<T>(value: T): Kept<T> {
  return value as Kept<T>;
}

/** Says the same of a text. */
export function asKeptText(text: string): KeptText {
  return text as KeptText;
}

/** Takes what is secret out of what an error says, its stack included; returns the error. */
export function keptError(error: unknown, keeper: Pick<Keeper, "keep">): unknown {
  if (!(error instanceof Error)) return error;
  const said = { message: error.message, stack: error.stack };
  const kept = keeper.keep(said);
  if (kept.message !== said.message) error.message = kept.message;
  if (kept.stack !== undefined && kept.stack !== said.stack) error.stack = kept.stack;
  if ("places" in error) error.places = keeper.keep(error.places);
  return error;
}
