/**
 * What a message asks the scripted model to do: directives in double brackets, in the order they stand. docs/model-server.md
 * lists them. `times` limits a fault to its first occasions; `undefined` means always.
 */
export type Directive =
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "final"; readonly text: string }
  | { readonly kind: "shell"; readonly command: string }
  | { readonly kind: "write"; readonly path: string; readonly content: string }
  | { readonly kind: "stream"; readonly count: number; readonly delayMs: number }
  | { readonly kind: "transcript" }
  | { readonly kind: "echo" }
  | { readonly kind: "sleep"; readonly delayMs: number; readonly times: number | undefined }
  | { readonly kind: "hang"; readonly times: number | undefined }
  | { readonly kind: "disconnect"; readonly times: number | undefined }
  | { readonly kind: "http"; readonly status: number; readonly fields: Fields; readonly times: number | undefined }
  | { readonly kind: "incomplete"; readonly reason: string; readonly times: number | undefined }
  | { readonly kind: "failed"; readonly code: string; readonly fields: Fields; readonly times: number | undefined };

export type Fields = Readonly<Record<string, string>>;

/** A directive and what tells it from the others of its message: its text, and how often that text stood there before. */
export interface PlacedDirective {
  readonly directive: Directive;
  readonly place: string;
}

/** A message that no model can play: the text says which directive, and what would be right. */
export class DirectiveError extends Error {
  override readonly name: string = "DirectiveError";
}

/** Returns the directives of `message`, up to and including the first `final`. @throws DirectiveError */
export function parseDirectives(message: string): readonly PlacedDirective[] {
  const found: PlacedDirective[] = [];
  const seen = new Map<string, number>();
  for (const { start, end } of bracketSpans(message)) {
    const text = message.slice(start + 2, end - 2);
    const nth = seen.get(text) ?? 0;
    seen.set(text, nth + 1);
    const directive = parseDirective(text);
    found.push({ directive, place: `${nth} ${text}` });
    if (directive.kind === "final") break;
  }
  return found;
}

/** Returns `message` without its directives. */
export function withoutDirectives(message: string): string {
  let rest = "";
  let from = 0;
  for (const { start, end } of bracketSpans(message)) {
    rest += message.slice(from, start);
    from = end;
  }
  return rest + message.slice(from);
}

/** Finds `[[word …]]`; brackets inside are counted, so that a shell's own `[[ … ]]` may stand in a command. */
function* bracketSpans(message: string): Generator<{ readonly start: number; readonly end: number }> {
  const opening = /\[\[(?=[a-z])/g;
  for (let match = opening.exec(message); match !== null; match = opening.exec(message)) {
    const end = closingAfter(message, match.index);
    if (end === undefined) return;
    yield { start: match.index, end };
    opening.lastIndex = end;
  }
}

function closingAfter(message: string, start: number): number | undefined {
  const bracket = /\[\[|\]\]/g;
  bracket.lastIndex = start;
  let depth = 0;
  for (let match = bracket.exec(message); match !== null; match = bracket.exec(message)) {
    depth += match[0] === "[[" ? 1 : -1;
    if (depth === 0) return bracket.lastIndex;
  }
  return undefined;
}

const FORMS = {
  say: "[[say: text]]",
  final: "[[final: text]]",
  shell: "[[shell: command]]",
  write: "[[write path: content]]",
  stream: "[[stream count delayMs]]",
  transcript: "[[transcript]]",
  echo: "[[echo]]",
  sleep: "[[sleep ms]] or [[sleep ms x1]]",
  hang: "[[hang]] or [[hang x1]]",
  disconnect: "[[disconnect]] or [[disconnect x1]]",
  http: "[[http 429 type=usage_limit_reached x1]]",
  "response.failed": "[[response.failed server_error x1]]",
  "response.incomplete": "[[response.incomplete max_output_tokens x1]]",
} as const;

function parseDirective(text: string): Directive {
  const name = /^[a-z.]+/.exec(text)?.[0] ?? "";
  const form = Object.entries(FORMS).find(([known]) => known === name)?.[1];
  if (form === undefined) {
    throw new DirectiveError(`no directive "${name}" in [[${text}]]; there are ${Object.keys(FORMS).join(", ")}`);
  }
  const directive = parseTextual(name, text) ?? parseWorded(name, splitWords(text.slice(name.length)));
  if (directive === undefined) throw new DirectiveError(`cannot read [[${text}]]; it is written ${form}`);
  return directive;
}

/** `name: text` and `write path: content`. One blank or line break after the colon belongs to the directive. */
function parseTextual(name: string, text: string): Directive | undefined {
  const [, argument = "", rest] = /^([^:]*):(?: |\r?\n)?([\s\S]*)$/.exec(text.slice(name.length)) ?? [];
  if (rest === undefined) return undefined;
  const path = argument.trim();
  if (name === "write") return path === "" ? undefined : { kind: "write", path, content: rest };
  if (path !== "") return undefined;
  if (name === "say" || name === "final") return { kind: name, text: rest };
  return name === "shell" ? { kind: "shell", command: rest } : undefined;
}

interface Words {
  readonly plain: readonly string[];
  readonly fields: Fields;
  readonly times: number | undefined;
}

/** Splits `429 type=a message="b c" x2`; a value with blanks stands in double quotes. */
function splitWords(text: string): Words {
  const plain: string[] = [];
  const fields: Record<string, string> = {};
  let times: number | undefined;
  for (const [word, key, quoted, bare] of text.matchAll(/([\w.-]+)=(?:"([^"]*)"|(\S*))|\S+/g)) {
    if (key !== undefined) fields[key] = quoted ?? bare ?? "";
    else if (/^x\d+$/.test(word)) times = Number(word.slice(1));
    else plain.push(word);
  }
  return { plain, fields, times };
}

function parseWorded(name: string, { plain, fields, times }: Words): Directive | undefined {
  const [first, second] = plain;
  switch (`${name} ${plain.length}`) {
    case "transcript 0":
      return { kind: "transcript" };
    case "echo 0":
      return { kind: "echo" };
    case "hang 0":
      return { kind: "hang", times };
    case "disconnect 0":
      return { kind: "disconnect", times };
    case "sleep 1":
      return isCount(first) ? { kind: "sleep", delayMs: Number(first), times } : undefined;
    case "stream 2":
      if (!isCount(first) || !isCount(second)) return undefined;
      return { kind: "stream", count: Number(first), delayMs: Number(second) };
    case "http 1":
      if (first === undefined || !/^[2-5]\d\d$/.test(first)) return undefined;
      return { kind: "http", status: Number(first), fields, times };
    case "response.failed 1":
      return first === undefined ? undefined : { kind: "failed", code: first, fields, times };
    case "response.incomplete 1":
      return first === undefined ? undefined : { kind: "incomplete", reason: first, times };
    default:
      return undefined;
  }
}

function isCount(word: string | undefined): boolean {
  return word !== undefined && /^\d{1,9}$/.test(word);
}
