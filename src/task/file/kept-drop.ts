import { problemAt } from "../spec/task-problem.ts";
import type { TaskProblem, TaskSpec } from "../spec/task-spec.ts";
import { asKeptText, type Keeper, type KeptText } from "../text/kept-text.ts";
import { renderFrontMatter } from "./front-matter.ts";
import { parseDropText } from "./task-file.ts";

/** A drop as it is accepted: its text without secrets. */
export type KeptDrop =
  | {
      readonly ok: true;
      readonly text: KeptText;
      readonly folderKey: KeptText | undefined;
      /** Of that text. */
      readonly spec: TaskSpec;
      /** What was replaced in it; empty where nothing was, and then it is the drop's text, byte for byte. */
      readonly kinds: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly TaskProblem[] };

/**
 * Returns the valid drop `text` with every decoded field redacted: the prompt, each key and value of the front matter. A session key
 * stays a key. Where the front matter holds a secret it is written anew, as the committed file shows it.
 */
export async function keepDrop(
  { text, folderKey }: { readonly text: string; readonly folderKey: string | undefined },
  keeper: Keeper,
): Promise<KeptDrop> {
  const before = parseDropText(text, folderKey);
  if (!before.ok) return before;
  const { prompt, spec } = before;
  const passed = await keeper.keepInSlices({ text, prompt, frontMatter: spec.frontMatter });
  const frontMatter = withSessionKey(passed.frontMatter, spec, keeper);
  const isSame = passed.text === text && JSON.stringify(frontMatter) === JSON.stringify(spec.frontMatter);
  const hasFrontMatter = prompt !== text;
  const kept = isSame
    ? text
    : hasFrontMatter
      ? `${renderFrontMatter(Object.entries(frontMatter))}${passed.prompt}`
      : passed.text;
  const folder = folderKey === undefined ? undefined : keeper.keepName(folderKey);
  const after = parseDropText(kept, folder);
  const kinds = newKinds(text, `${passed.text} ${JSON.stringify(frontMatter)}`);
  // What is found only where key and value stand side by side: such a text cannot be kept, and would not be what was asked for either.
  if (!after.ok || (await keeper.keepInSlices(kept)) !== kept) return { ok: false, problems: [unkeepable(kinds)] };
  const inKey = folder === folderKey || folderKey === undefined ? [] : keeper.kindsIn(folderKey);
  const all = [...new Set([...kinds, ...inKey])];
  return { ok: true, text: asKeptText(kept), folderKey: folder, spec: after.spec, kinds: all };
}

/** Which markers a text has gained. */
function newKinds(before: string, after: string): readonly string[] {
  const inTexts = Array.from(after.matchAll(MARKER), ([, kind = ""]) => kind);
  const inNames = Array.from(after.matchAll(MARKED_NAME), ([, name = ""]) => kindOfName(name));
  const kinds = new Set([...inTexts, ...inNames].filter((kind) => kind !== ""));
  return [...kinds].filter((kind) => !before.includes(`[redacted: ${kind}]`));
}

const MARKER = /\[redacted: ([a-z-]{1,100})\]/g;
const MARKED_NAME = /\bredacted-([a-z\d-]{1,200})/g;

/** Of "<kind>-<8 hexadecimal digits>", whatever comes behind, the kind. */
function kindOfName(name: string): string {
  const words = name.split("-");
  return words
    .slice(
      0,
      Math.max(
        0,
        words.findIndex((word) => /^[\da-f]{8}$/.test(word)),
      ),
    )
    .join("-");
}

function withSessionKey(
  kept: Readonly<Record<string, unknown>>,
  { frontMatter, sessionKey }: TaskSpec,
  keeper: Keeper,
): Readonly<Record<string, unknown>> {
  if (typeof frontMatter.sessionKey !== "string" || sessionKey === undefined) return kept;
  return { ...kept, sessionKey: keeper.keepName(frontMatter.sessionKey) };
}

function unkeepable(kinds: readonly string[]): TaskProblem {
  const what = kinds.length === 0 ? "a secret" : `a secret (${kinds.join(", ")})`;
  return problemAt(undefined, `${what} stands where the task is no task without it`, {
    expected: "the name of an environment variable in its place (environment: [NAME])",
    example: undefined,
  });
}
