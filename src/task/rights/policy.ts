import { type Place, quoted } from "../spec/task-problem.ts";
import { readJson, type YamlEntry, type YamlValue } from "../spec/yaml-mapping.ts";
import { nearest } from "../text/near-miss.ts";
import { ORIGIN_KINDS, type OriginKind } from "./origin-kind.ts";
import {
  hint,
  isPolicyFlag,
  isPolicyKey,
  isPolicyList,
  isPolicyNumber,
  type NOTES_CHOICES,
  NUMBER_MAX,
  POLICY_KEYS,
  type PolicyKey,
  policyValueProblem,
} from "./policy-value.ts";
import { DEFAULT_RIGHTS, type Rights } from "./rights.ts";

/** Keys that may differ by who asks. */
export const RIGHT_KEYS = [
  ...["sandbox", "verify", "verifyCommand", "verifyCommands", "workdirs", "images", "codexConfig", "environment"],
  ...["resume", "network", "mcp", "readable"],
] as const satisfies readonly (keyof Rights)[];

export type RightKey = (typeof RIGHT_KEYS)[number];

/** What the owner of the machine has said of a workspace. It never comes from the repository. */
export interface Policy extends Omit<Rights, "verifyCommand" | "isOwnThread" | "apart" | "bound"> {
  /** `undefined`: `listed` for commits and agents, `any` for the user's own; see origin-rights.ts. */
  readonly verifyCommand: Rights["verifyCommand"] | undefined;
  /** What differs for tasks that come one way. */
  readonly origins: Readonly<Partial<Record<OriginKind, Partial<Pick<Rights, RightKey>>>>>;
  /** Tasks of commits wait whose author is none of `authors`. */
  readonly holdNewAuthors: boolean;
  /** E-mail addresses, as commits name them. */
  readonly authors: readonly string[];
  /** Which notes are put beside prompts. */
  readonly notes: (typeof NOTES_CHOICES)[number];
  /** Absolute path of the codex executable, where neither flag nor environment names one. */
  readonly codex: string | undefined;
  /** Absolute path of codex's own folder, where the environment names none. */
  readonly codexHome: string | undefined;
  /** Absolute path of the folder for the worktrees of sessions; `undefined`: beside the checkout. */
  readonly worktreesDir: string | undefined;
  /** "Name <address>", the author of our commits; `undefined`: codex-inbox, with the user's address. */
  readonly author: string | undefined;
  /** What this clone is called, for people and for tasks that say where they run; `undefined`: its id. */
  readonly name: string | undefined;
  /** Further names that tasks may say they run on. */
  readonly labels: readonly string[];
  /** Absolute path of a program that is told what ends and what holds the queue; an address where that is posted to; the file of its secret. */
  readonly hook: string | undefined;
  readonly webhook: string | undefined;
  readonly webhookSecret: string | undefined;
}

export const DEFAULT_POLICY: Policy = Object.freeze({
  ...DEFAULT_RIGHTS,
  ...{ verifyCommand: undefined, origins: {}, holdNewAuthors: false, authors: [], notes: "any" },
  ...{
    codex: undefined,
    codexHome: undefined,
    worktreesDir: undefined,
    author: undefined,
    name: undefined,
    labels: [],
  },
  ...{ hook: undefined, webhook: undefined, webhookSecret: undefined },
});

/** The format; a number above it was written by a newer version. */
const VERSION = 1;

const LIST_LENGTH_MAX = 100;
const LIMITS = { nesting: 20, tokens: 10_000 };

export type ParsedPolicy = { readonly policy: Policy } | { readonly problems: readonly string[] };

/** Reads the text of a policy file, strictly: what is not understood is a problem, each with its place. What is left out has its default. */
export function parsePolicy(text: string): ParsedPolicy {
  const reading = readJson(text, LIMITS);
  if ("problem" in reading) {
    const { line = 1, column = 1, message } = reading.problem;
    return { problems: [at({ line, column }, message)] };
  }
  const { entries, place } = reading.value;
  if (entries === undefined) return { problems: [at(place, "expected an object: {…}")] };
  const problems: string[] = versionProblems(entries, place);
  const values: Record<string, unknown> = {};
  // A newer version may mean something else by the same key.
  for (const { key, keyPlace, value } of problems.length > 0 ? [] : entries) {
    if (key === "version") continue;
    if (key === "origins") values[key] = readOrigins(value, problems);
    else if (!isPolicyKey(key)) problems.push(at(keyPlace, `unknown key ${quoted(key)}${hint(key, ALL_KEYS)}`));
    else values[key] = readField(key, value, problems);
  }
  return problems.length > 0 ? { problems } : { policy: Object.freeze({ ...DEFAULT_POLICY, ...values }) };
}

/** Returns the text of the policy file; every key that has a value is in it. */
export function renderPolicy(policy: Policy): string {
  const { origins } = policy;
  const value = {
    version: VERSION,
    ...Object.fromEntries(POLICY_KEYS.map((key) => [key, policy[key]])),
    origins: Object.keys(origins).length === 0 ? undefined : origins,
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

export function isRightKey(key: string): key is RightKey {
  return RIGHT_KEYS.some((known) => known === key);
}

export function isOriginKind(word: string): word is OriginKind {
  return ORIGIN_KINDS.some((kind) => kind === word);
}

const ALL_KEYS: readonly string[] = ["version", "origins", ...POLICY_KEYS];

function versionProblems(entries: readonly YamlEntry[], place: Place): string[] {
  const version = entries.find(({ key }) => key === "version");
  if (version === undefined) {
    const near = entries.find(({ key }) => !isPolicyKey(key) && nearest(key, ["version"]) !== undefined);
    if (near !== undefined) return [at(near.keyPlace, `unknown key ${quoted(near.key)}; did you mean "version"?`)];
    return [at(place, `there is no "version"; this version of codex-inbox writes "version": ${VERSION}`)];
  }
  const { plain, place: valuePlace } = version.value;
  if (plain === VERSION) return [];
  const isNewer = typeof plain === "number" && plain > VERSION;
  const known = `this codex-inbox knows version ${VERSION}`;
  return [at(valuePlace, isNewer ? `version ${plain} is of a newer codex-inbox; ${known}` : `version: ${known}`)];
}

function readOrigins(value: YamlValue, problems: string[]): Policy["origins"] {
  if (value.entries === undefined) problems.push(at(value.place, "origins: expected an object: {…}"));
  const origins: Partial<Record<string, Record<string, unknown>>> = {};
  for (const { key: origin, keyPlace, value: rights } of value.entries ?? []) {
    if (!isOriginKind(origin))
      problems.push(at(keyPlace, `unknown origin ${quoted(origin)}${hint(origin, ORIGIN_KINDS)}`));
    else if (rights.entries === undefined) problems.push(at(rights.place, `${origin}: expected an object: {…}`));
    const read: Record<string, unknown> = {};
    for (const { key, keyPlace: place, value: right } of rights.entries ?? []) {
      if (isRightKey(key)) read[key] = readField(key, right, problems);
      else problems.push(at(place, `${quoted(key)} is no key that differs by origin${hint(key, RIGHT_KEYS)}`));
    }
    origins[origin] = Object.freeze(read);
  }
  return Object.freeze(origins);
}

function readField(key: PolicyKey, value: YamlValue, problems: string[]): unknown {
  if (isPolicyFlag(key)) {
    if (typeof value.plain !== "boolean") problems.push(at(value.place, `${key}: expected true or false`));
    return value.plain === true;
  }
  if (isPolicyNumber(key)) return readNumber(key, value, problems);
  if (!isPolicyList(key)) return readText(key, value, problems);
  if (value.items === undefined) {
    problems.push(at(value.place, `${key}: expected a list: […]`));
    return [];
  }
  if (value.items.length > LIST_LENGTH_MAX)
    problems.push(at(value.place, `${key}: has more than ${LIST_LENGTH_MAX} entries`));
  const texts = value.items.slice(0, LIST_LENGTH_MAX).map((item) => readText(key, item, problems));
  return Object.freeze([...new Set(texts)]);
}

function readNumber(key: PolicyKey, { plain, place }: YamlValue, problems: string[]): number {
  if (typeof plain === "number" && policyValueProblem(key, String(plain)) === undefined) return plain;
  problems.push(at(place, `${key}: expected a whole number from 0 to ${NUMBER_MAX}`));
  return 0;
}

function readText(key: PolicyKey, { plain, place }: YamlValue, problems: string[]): string {
  if (typeof plain !== "string") {
    problems.push(at(place, `${key}: expected text in double quotes`));
    return "";
  }
  const problem = policyValueProblem(key, plain);
  if (problem !== undefined) problems.push(at(place, `${key}: ${quoted(plain)} ${problem}`));
  return plain;
}

function at({ line, column }: Place, message: string): string {
  return `line ${line}, column ${column}: ${message}`;
}
