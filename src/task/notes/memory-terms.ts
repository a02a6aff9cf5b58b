/** Terms of one search; a longer prompt is searched for by its first words. Each is one bit of a number in `term-match.ts`. */
export const TERMS_MAX = 30;
/** UTF-16 units; a longer word is a checksum or an encoded file, and found nowhere else. */
export const TERM_LENGTH_MAX = 64;
/** UTF-16 units at the front of a prompt that are looked at: the task stands there, what follows is often pasted. */
const PROMPT_LENGTH_READ = 20_000;
const WORD_CHARACTERS_MIN = 3;
/** In a script that puts no blanks between words, two characters are a word. */
const UNSPACED_CHARACTERS_MIN = 2;

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
/** Made when the first text needs it: that takes 16 ms, which every start of a command would take. */
let segmenter: Intl.Segmenter | undefined;

/** English words that say nothing of what a text is about. Other languages' are told by how common they are (memory-rank.ts). */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `about above after again against all also although always and any are aren around because been before being below between
  both but can cannot could couldn did didn does doesn doing don done down during each either else ever every few for from
  further get gets getting give given gives goes going gone got had hadn has hasn have haven having hence her here hers him his
  how however http https into isn its itself just keep kept let lets like made make makes making many may maybe might more most
  much must mustn myself neither never nor not nothing now off often once one only other others our ours out over own per
  please put rather really same see seem seems shall she should shouldn since some somehow something such sure take takes than
  that the their theirs them then there these they thing things this those though through thus too toward towards two under
  until upon use used uses using very via want wants was wasn way well were weren what whatever when where whether which while
  who whole whom whose why will with within without won would wouldn www yes yet you your yours yourself`.split(/\s+/),
);

/**
 * Returns what to search notes for, at most `TERMS_MAX` terms: `extra` as they are, then the words of `prompt` in their order,
 * without stop words, one-off characters and anything that is there already in another case.
 */
export function termsOf(prompt: string, extra: readonly string[]): readonly string[] {
  const found = new Map<string, string>();
  const add = (term: string): boolean => {
    const key = term.toLowerCase();
    if (!found.has(key)) found.set(key, term);
    return found.size < TERMS_MAX;
  };
  for (const term of extra) {
    const tidy = tidyTerm(term);
    if (tidy !== "" && tidy.length <= TERM_LENGTH_MAX && !add(tidy)) break;
  }
  if (found.size >= TERMS_MAX) return [...found.values()];
  for (const word of wordsOf(prompt.slice(0, PROMPT_LENGTH_READ).normalize("NFC"))) {
    if (word.length <= TERM_LENGTH_MAX && !STOP_WORDS.has(word.toLowerCase()) && !add(word)) break;
  }
  return [...found.values()];
}

/** Returns a term as it is searched for: composed, on one line, without control characters and blanks around it. */
export function tidyTerm(term: string): string {
  return term
    .normalize("NFC")
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

function* wordsOf(text: string): Generator<string> {
  for (const [run] of text.matchAll(WORD)) {
    if (UNSPACED.test(run)) yield* unspacedWords(run);
    else {
      const word = withoutOuterUnderscores(run);
      if (hasCharacters(word, WORD_CHARACTERS_MIN)) yield word;
    }
  }
}

function withoutOuterUnderscores(run: string): string {
  let start = 0;
  let end = run.length;
  while (start < end && run[start] === "_") start += 1;
  while (end > start && run[end - 1] === "_") end -= 1;
  return run.slice(start, end);
}

function* unspacedWords(run: string): Generator<string> {
  segmenter ??= new Intl.Segmenter("en", { granularity: "word" });
  for (const { segment } of segmenter.segment(run)) {
    const min = UNSPACED.test(segment) ? UNSPACED_CHARACTERS_MIN : WORD_CHARACTERS_MIN;
    if (hasCharacters(segment, min)) yield segment;
  }
}

function hasCharacters(word: string, count: number): boolean {
  return word.length >= count && [...word.slice(0, count * 2)].length >= count;
}
