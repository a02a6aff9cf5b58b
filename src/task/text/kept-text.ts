declare const kept: unique symbol;

/** Text that has passed the redaction boundary and may be written for keeps (committed). Made by `keepText` alone. */
export type KeptText = string & { readonly [kept]: true };

/**
 * The one boundary that everything written for keeps passes: prompts, results, transcript entries, messages of commits.
 * The committer takes nothing but `KeptText`, so a text that went around this function does not compile.
 * Today it returns the text as it is; redaction belongs here and nowhere else.
 */
export function keepText(text: string): KeptText {
  return text as KeptText;
}
