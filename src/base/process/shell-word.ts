/** Returns `text` (without NUL) as a word that a shell of POSIX reads back unchanged. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
