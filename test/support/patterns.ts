import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { checkSync } from "recheck";
import ts from "typescript";

/** A regular expression of the source. `source` is `undefined` where it is put together of what only a run knows. */
export interface SourcePattern {
  /** Path from the root of the repository, and line. */
  readonly place: string;
  readonly source: string | undefined;
  readonly flags: string;
}

/** Where the program is. */
export const PROGRAM_FOLDERS = ["src", "demo", "bin"] as const;
const ROOT = join(import.meta.dirname, "../..");
/** What recheck cannot prove it tries at random, and then may take a bounded repetition for a slow one: the same tries each time. */
const SEED = 1;
const CHECKER = `recheck ${checkerVersion()}, seed ${SEED}`;
/** Steps are counted, and no time: on a busy machine a pattern is judged as on any other. */
const NO_TIMES = {
  timeout: null,
  attackTimeout: null,
  incubationTimeout: null,
  mutationTimeout: null,
  seedingTimeout: null,
} as const;
/** The patterns that recheck has found to take linear time, a line each, below the line that says which recheck. */
const PROVEN_PATH = join(ROOT, "test/fixtures/linear-patterns.txt");

/** Returns every regular expression of the program files below `folders`: literals, and what `RegExp` is called with. */
export function patternsBelow(folders: readonly string[]): readonly SourcePattern[] {
  return folders
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(?:ts|js|mjs|cjs)$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .flatMap((path) => patternsOf(path, readFileSync(join(ROOT, path), "utf8")));
}

/** Returns the regular expressions of one file's text. */
export function patternsOf(path: string, text: string): readonly SourcePattern[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: SourcePattern[] = [];
  const visit = (node: ts.Node): void => {
    const place = `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
    if (ts.isRegularExpressionLiteral(node)) found.push({ place, ...partsOf(node) });
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === "RegExp") {
      const [pattern, flags] = node.arguments ?? [];
      const source = pattern === undefined ? undefined : constantText(pattern, file);
      found.push({ place, source, flags: flags === undefined ? "" : (constantText(flags, file) ?? "?") });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** Returns what is wrong with a pattern: where it stands, what it is, and the text that makes it slow; `undefined` where it takes linear time. */
export function slownessOf({ place, source, flags }: SourcePattern): string | undefined {
  if (source === undefined) return `${place}: this pattern is put together at run time, so that nothing can check it`;
  const { status, ...found } = checkSync(source, flags, { ...NO_TIMES, randomSeed: SEED });
  if (status === "safe") return undefined;
  const pattern = `${place}: /${source}/${flags}`;
  if (status === "unknown" || !("attack" in found)) return `${pattern} cannot be judged`;
  return `${pattern} takes ${found.complexity?.summary ?? "more than linear"} time for ${found.attack.pattern}`;
}

/** Returns the patterns that the recheck installed here was asked about before, as `proofOf` writes them; none after another was installed. */
export function provenPatterns(): ReadonlySet<string> {
  const [checker, ...proofs] = readFileSync(PROVEN_PATH, "utf8").trimEnd().split("\n");
  return new Set(checker === CHECKER ? proofs : []);
}

/** Returns the line that stands for a pattern. The verdict depends on nothing else: the text of the pattern, its flags, and the checker. */
export function proofOf({ source = "", flags }: SourcePattern): string {
  return `/${source.replaceAll("\n", "\\n")}/${flags}`;
}

/** Has recheck judge every one of `patterns`, and writes down those that take linear time. Returns what is wrong with the others. */
export function writeProvenPatterns(patterns: readonly SourcePattern[]): readonly string[] {
  const judged = patterns.map((pattern) => ({ line: proofOf(pattern), slowness: slownessOf(pattern) }));
  const proven = judged.filter(({ slowness }) => slowness === undefined).map(({ line }) => line);
  writeFileSync(PROVEN_PATH, `${[CHECKER, ...new Set(proven.sort())].join("\n")}\n`);
  return judged.flatMap(({ slowness }) => slowness ?? []);
}

function partsOf(literal: ts.RegularExpressionLiteral): { readonly source: string; readonly flags: string } {
  const end = literal.text.lastIndexOf("/");
  return { source: literal.text.slice(1, end), flags: literal.text.slice(end + 1) };
}

/** The text of literals, and of names that the same file gives to literals. */
function constantText(node: ts.Expression, file: ts.SourceFile): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isRegularExpressionLiteral(node)) return partsOf(node).source;
  if (ts.isIdentifier(node)) {
    const value = constantNamed(node.text, file);
    return value === undefined ? undefined : constantText(value, file);
  }
  const isRaw = ts.isTaggedTemplateExpression(node) && node.tag.getText() === "String.raw";
  const template = isRaw ? node.template : node;
  if (ts.isNoSubstitutionTemplateLiteral(template)) return template.rawText ?? template.text;
  if (!ts.isTemplateExpression(template)) return undefined;
  const textOf = (part: ts.TemplateLiteralLikeNode): string => (isRaw ? (part.rawText ?? part.text) : part.text);
  let text = textOf(template.head);
  for (const { expression, literal } of template.templateSpans) {
    const value = constantText(expression, file);
    if (value === undefined) return undefined;
    text += value + textOf(literal);
  }
  return text;
}

function constantNamed(name: string, file: ts.SourceFile): ts.Expression | undefined {
  const declarations = file.statements
    .filter((statement) => ts.isVariableStatement(statement))
    .filter(({ declarationList }) => (declarationList.flags & ts.NodeFlags.Const) !== 0)
    .flatMap(({ declarationList }) => [...declarationList.declarations]);
  return declarations.find((declaration) => declaration.name.getText() === name)?.initializer;
}

function checkerVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, "node_modules/recheck/package.json"), "utf8")) as { version: string })
    .version;
}
