import { type Place, quoted } from "../spec/task-problem.ts";
import { readJson, type YamlEntry, type YamlValue } from "../spec/yaml-mapping.ts";
import { nearest } from "../text/near-miss.ts";
import { codexKeyProblem } from "./codex-setting.ts";
import {
  DEFAULT_RIGHTS,
  environmentNameProblem,
  pathProblem,
  type Rights,
  SANDBOX_LEVELS,
  VERIFY_PLACES,
} from "./rights.ts";

/** What the owner of the machine has said of a workspace. It never comes from the repository. */
export interface Policy extends Rights {
  /** Absolute path of the codex executable, where neither flag nor environment names one. */
  readonly codex: string | undefined;
  /** Absolute path of codex's own folder, where the environment names none. */
  readonly codexHome: string | undefined;
}

export const DEFAULT_POLICY: Policy = Object.freeze({ ...DEFAULT_RIGHTS, codex: undefined, codexHome: undefined });

/** The format; a number above it was written by a newer version. */
const VERSION = 1;

export const POLICY_LISTS = ["workdirs", "images", "codexConfig", "environment"] as const;
export type PolicyList = (typeof POLICY_LISTS)[number];

const POLICY_WORDS = { sandbox: SANDBOX_LEVELS, verify: VERIFY_PLACES } as const;
const POLICY_NUMBERS = ["maxDropsPerRun"] as const;
const POLICY_PATHS = ["codex", "codexHome"] as const;

/** Every key but `version`. */
export const POLICY_KEYS = ["sandbox", "verify", ...POLICY_LISTS, ...POLICY_NUMBERS, ...POLICY_PATHS] as const;
export type PolicyKey = (typeof POLICY_KEYS)[number];

const LIST_LENGTH_MAX = 100;
const NUMBER_MAX = 10_000;
const LIMITS = { nesting: 20, tokens: 10_000 };

/** Keys of codex's configuration that a key of the policy stands for. */
const OWN_SETTINGS: Readonly<Record<string, PolicyKey>> = {
  sandbox_mode: "sandbox",
  default_permissions: "sandbox",
  permissions: "sandbox",
  shell_environment_policy: "environment",
};

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
    if (!isPolicyKey(key)) problems.push(at(keyPlace, `unknown key ${quoted(key)}${hint(key, ALL_KEYS)}`));
    else values[key] = readField(key, value, problems);
  }
  return problems.length > 0 ? { problems } : { policy: Object.freeze({ ...DEFAULT_POLICY, ...values }) };
}

/** Returns the text of the policy file; every key that has a value is in it. */
export function renderPolicy({ codex, codexHome, ...rights }: Policy): string {
  const { sandbox, verify, workdirs, images, codexConfig, environment, maxDropsPerRun } = rights;
  const value = {
    ...{ version: VERSION, sandbox, verify, workdirs, images, codexConfig, environment, maxDropsPerRun },
    ...{ codex, codexHome },
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Returns what is wrong with one value of a key, as the end of a sentence, or `undefined`. */
export function policyValueProblem(key: PolicyKey, value: string): string | undefined {
  switch (key) {
    case "sandbox":
    case "verify": {
      const words: readonly string[] = POLICY_WORDS[key];
      return words.includes(value) ? undefined : `is none of ${words.join(", ")}${hint(value, words)}`;
    }
    case "codexConfig":
      return codexKeyProblem(value) ?? ownSettingProblem(value);
    case "environment":
      return environmentNameProblem(value);
    case "maxDropsPerRun":
      return /^\d{1,6}$/.test(value) && Number(value) <= NUMBER_MAX
        ? undefined
        : `is not a whole number from 0 to ${NUMBER_MAX}`;
    case "workdirs":
    case "images":
    case "codex":
    case "codexHome":
      return absolutePathProblem(value);
    default:
      return key satisfies never;
  }
}

/** Returns a valid value of a key that is no list, as the policy holds it. */
export function policyValue(key: PolicyKey, value: string): string | number {
  return isPolicyNumber(key) ? Number(value) : value;
}

export function isPolicyKey(key: string): key is PolicyKey {
  return POLICY_KEYS.some((known) => known === key);
}

export function isPolicyList(key: PolicyKey): key is PolicyList {
  return POLICY_LISTS.some((list) => list === key);
}

function isPolicyNumber(key: PolicyKey): boolean {
  return POLICY_NUMBERS.some((number) => number === key);
}

const ALL_KEYS: readonly string[] = ["version", ...POLICY_KEYS];

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

function readField(key: PolicyKey, value: YamlValue, problems: string[]): unknown {
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

function ownSettingProblem(key: string): string | undefined {
  const [first = ""] = key.split(".", 1);
  const instead = Object.hasOwn(OWN_SETTINGS, first) ? OWN_SETTINGS[first] : undefined;
  return instead === undefined
    ? undefined
    : `is not for a task to set; what it may have of that says the key "${instead}"`;
}

function absolutePathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "is not an absolute path";
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  const isPlain =
    path === "/" ||
    path
      .slice(1)
      .split("/")
      .every((segment) => segment !== "" && segment !== ".");
  return isPlain ? undefined : 'has an empty part or "." in it, or "/" at its end';
}

function hint(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

function at({ line, column }: Place, message: string): string {
  return `line ${line}, column ${column}: ${message}`;
}
