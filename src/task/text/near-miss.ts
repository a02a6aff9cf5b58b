/** Longer words are not compared: a name of ours has at most a dozen characters. */
const WORD_LENGTH_MAX = 40;
/** Shorter words are like many. */
const MISSPELT_MIN = 4;

/**
 * Returns the candidate that `word` is most likely a misspelling of, or `undefined` when none is near. Case, "-" and "_"
 * do not count; otherwise at most one in three characters may be wrong (a swap of two neighbours counts once).
 */
export function nearest<Candidate extends string>(
  word: string,
  candidates: Iterable<Candidate>,
): Candidate | undefined {
  if (word.length > WORD_LENGTH_MAX) return undefined;
  const plainWord = plain(word);
  let best: { readonly candidate: Candidate; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const plainCandidate = plain(candidate);
    const distance = editDistance(plainWord, plainCandidate);
    const allowed = Math.floor(Math.max(plainWord.length, plainCandidate.length) / 3);
    if (distance <= allowed && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

/**
 * Returns the candidate that `word` can hardly be anything but a misspelling of: at most one in five characters is wrong (one, in a short
 * word), or only the end is missing.
 */
export function misspelling<Candidate extends string>(
  word: string,
  candidates: Iterable<Candidate>,
): Candidate | undefined {
  const near = nearest(word, candidates);
  if (near === undefined) return undefined;
  const [plainWord, plainNear] = [plain(word), plain(near)];
  if (plainWord.length < MISSPELT_MIN) return undefined;
  const isBeginning = plainWord.length > MISSPELT_MIN && plainNear.startsWith(plainWord);
  const allowed = Math.max(1, Math.floor(plainNear.length / 5));
  return isBeginning || editDistance(plainWord, plainNear) <= allowed ? near : undefined;
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `from` into `to`. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (last[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      let distance = Math.min(replaced, (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        distance = Math.min(distance, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(distance);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
