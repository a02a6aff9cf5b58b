import { CST, Lexer } from "yaml";

/** What a block may have at most. Real ones have dozens of tokens and one or two levels. */
export interface YamlLimits {
  /** Levels of lists and mappings inside each other. The parser recurses, and 65,000 levels end the whole process. */
  readonly nesting: number;
  /** Keys, values and marks. Parsing 65,000 brackets takes more than a second, 3,000 commas in a row 15 ms. */
  readonly tokens: number;
  /** Keeps a key that stands there more than once, as a merge of two files leaves it; otherwise that is a problem. */
  readonly repeatedKeys?: boolean;
}

/** Put between tokens by the lexer; no part of the text. */
const LEXER_MARKS: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);
/** Returns why the block is not worth parsing, and where. The lexer, unlike the parser, does not recurse. */
export function excessOf(
  block: string,
  limits: YamlLimits,
): { readonly message: string; readonly offset: number } | undefined {
  let offset = 0;
  let depth = 0;
  let inLine = 0;
  let tokens = 0;
  let isScalarNext = false;
  for (const source of new Lexer().lex(block)) {
    tokens += 1;
    if (tokens > limits.tokens)
      return { message: `there are more than ${limits.tokens} keys, values and marks`, offset };
    const type: CST.TokenType | null = isScalarNext ? null : CST.tokenType(source);
    isScalarNext = type === "scalar";
    if (type === "flow-map-start" || type === "flow-seq-start") depth += 1;
    else if (type === "flow-map-end" || type === "flow-seq-end") depth = Math.max(0, depth - 1);
    else if (type === "seq-item-ind" || type === "explicit-key-ind") inLine += 1;
    else if (type === "newline") inLine = 0;
    if (depth + inLine > limits.nesting) return { message: tooDeep(limits), offset };
    if (!LEXER_MARKS.has(source)) offset += source.length;
  }
  return undefined;
}

/** Returns what is said of a value that lies deeper than is read. */
export function tooDeep({ nesting }: YamlLimits): string {
  return `there are lists or mappings more than ${nesting} levels deep`;
}
