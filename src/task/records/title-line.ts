import { oneLine } from "../text/one-line.ts";

const TITLE_LINE = /^title: (.+)$/gm;
/** A plain YAML text that can be nothing but itself: no number, date, truth value or null, no comment, no other mark. */
const PLAIN = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)\p{L}[\p{L}\p{N} .,;/()_'"!?=+*&%$@<>~^|-]*$/iu;
const SINGLE_QUOTED = /^'((?:[^']|'')*)'$/;

/**
 * Returns the title that the front matter of a committed task file gives, as `parseTaskFile` reads it, or `undefined` where only that
 * can tell: a list of finished tasks does without the YAML parser, whose loading takes longer than everything else.
 */
export function titleInFrontMatter(text: string, charactersMax: number): string | undefined {
  const end = text.startsWith("---\n") ? text.indexOf("\n---\n") : -1;
  const titles = [...text.slice(0, Math.max(0, end)).matchAll(TITLE_LINE)];
  const [, value = ""] = titles[0] ?? [];
  if (titles.length !== 1) return undefined; // None, or two that a merge has put beside each other.
  const title = value.startsWith('"')
    ? quoted(value)
    : PLAIN.test(value) && !value.endsWith(" ")
      ? value
      : singleQuoted(value);
  return title === undefined ? undefined : oneLine(title, charactersMax) || undefined;
}

function singleQuoted(value: string): string | undefined {
  return SINGLE_QUOTED.exec(value)?.[1]?.replaceAll("''", "'");
}

/** JSON's texts are YAML's. */
function quoted(value: string): string | undefined {
  try {
    return String(JSON.parse(value));
  } catch {
    return undefined;
  }
}

/** When a task began and ended, as its committed file tells (UTC, ISO 8601). */
interface TaskTimes {
  readonly acceptedAt: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

/** Reads the times of a committed task file without its parser: of the front matter, or else of the account at its end. */
export function timesInTaskFile(text: string): TaskTimes {
  const of = (key: string): string | null => {
    const line = `\n${key}: `;
    const head = text.slice(0, text.indexOf("\n---\n"));
    const at = head.includes(line) ? head.indexOf(line) : text.lastIndexOf(line);
    const [time] = at === -1 ? [] : text.slice(at + line.length).split("\n", 1);
    return time !== undefined && TIME.test(time) ? time : null;
  };
  return { acceptedAt: of("acceptedAt"), startedAt: of("startedAt"), endedAt: of("endedAt") };
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
