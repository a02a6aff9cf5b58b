/**
 * Tells whether two declared paths (relative to the top of the repository) can name the same file: one is the other, or lies below it.
 * A pattern counts as the folder before its first wildcard.
 */
function pathsMeet(one: string, other: string): boolean {
  const [a, b] = [folderOf(one), folderOf(other)];
  return a === b || isPrefix(a, b) || isPrefix(b, a);
}

/** Returns the first pair of paths that meet, or `undefined`. */
export function firstMeeting(
  ones: readonly string[],
  others: readonly string[],
): readonly [string, string] | undefined {
  for (const one of ones) for (const other of others) if (pathsMeet(one, other)) return [one, other];
  return undefined;
}

/** Returns which share of `ones` meets any of `others`: 0 to 1; 0 where there are none. */
export function shareMet(ones: readonly string[], others: readonly string[]): number {
  if (ones.length === 0) return 0;
  return ones.filter((one) => others.some((other) => pathsMeet(one, other))).length / ones.length;
}

function folderOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  const wild = parts.findIndex((part) => /[*?[{]/.test(part));
  return (wild === -1 ? parts : parts.slice(0, wild)).join("/");
}

function isPrefix(folder: string, path: string): boolean {
  return folder === "" || path.startsWith(`${folder}/`);
}
