import { cloneNameProblem } from "../claims/runs-on.ts";
import { nearest } from "../text/near-miss.ts";
import { codexKeyProblem } from "./codex-setting.ts";
import {
  environmentNameProblem,
  MCP_CHOICES,
  NETWORK_CHOICES,
  pathProblem,
  RESUME_CHOICES,
  SANDBOX_LEVELS,
  VERIFY_CHOICES,
  VERIFY_PLACES,
} from "./rights.ts";

/** Notes as they lie on the disk, or those alone that the branch holds as they lie there. */
export const NOTES_CHOICES = ["any", "committed"] as const;

export const POLICY_LISTS = [
  ...["workdirs", "images", "codexConfig", "environment", "verifyCommands", "readable", "authors", "labels"],
] as const;
export type PolicyList = (typeof POLICY_LISTS)[number];

const POLICY_WORDS = {
  ...{ sandbox: SANDBOX_LEVELS, verify: VERIFY_PLACES, verifyCommand: VERIFY_CHOICES, resume: RESUME_CHOICES },
  ...{ network: NETWORK_CHOICES, mcp: MCP_CHOICES, notes: NOTES_CHOICES },
} as const;
const POLICY_FLAGS = ["holdNewAuthors"] as const;
const POLICY_NUMBERS = ["maxDropsPerRun"] as const;
const POLICY_PATHS = ["codex", "codexHome", "worktreesDir", "hook", "webhookSecret"] as const;

/** Every key but `version`. */
export const POLICY_KEYS = [
  ...["sandbox", "verify", "verifyCommand", "resume", "network", "mcp"],
  ...POLICY_LISTS,
  ...["notes", ...POLICY_FLAGS],
  ...POLICY_NUMBERS,
  ...POLICY_PATHS,
  "author",
  "name",
  "webhook",
] as const;
export type PolicyKey = (typeof POLICY_KEYS)[number];

/** What git can write: without line ends and further angles. */
const AUTHOR = /^[^\p{C}<>\s][^\p{C}<>\u2028\u2029]{0,98} <[^\p{C}<>\s]{1,320}>$/u;
/** Of whole numbers. */
export const NUMBER_MAX = 10_000;
const TEXT_LENGTH_MAX = 10_000;
/** Keys of codex's configuration that a key of the policy stands for. */
const OWN_SETTINGS: Readonly<Record<string, PolicyKey>> = {
  sandbox_mode: "sandbox",
  default_permissions: "sandbox",
  permissions: "sandbox",
  shell_environment_policy: "environment",
};

/** Returns what is wrong with one value of a key, as the end of a sentence, or `undefined`. */
export function policyValueProblem(key: PolicyKey, value: string): string | undefined {
  switch (key) {
    case "sandbox":
    case "verify":
    case "verifyCommand":
    case "resume":
    case "network":
    case "mcp":
    case "notes": {
      const words: readonly string[] = POLICY_WORDS[key];
      return words.includes(value) ? undefined : `is none of ${words.join(", ")}${hint(value, words)}`;
    }
    case "codexConfig":
      return codexKeyProblem(value) ?? ownSettingProblem(value);
    case "environment":
      return environmentNameProblem(value);
    case "holdNewAuthors":
      return value === "true" || value === "false" ? undefined : "is neither true nor false";
    case "verifyCommands":
      return value.trim() === "" || value.length > TEXT_LENGTH_MAX
        ? `has not 1 to ${TEXT_LENGTH_MAX} characters`
        : undefined;
    case "name":
    case "labels":
      return cloneNameProblem(value);
    case "authors":
      return /^[^\s@<>]{1,64}@[^\s@<>]{1,255}$/.test(value)
        ? undefined
        : "is not an e-mail address, such as ada@example.org";
    case "author":
      return AUTHOR.test(value) ? undefined : "is not a name and an address: codex-inbox <inbox@example.org>";
    case "webhook":
      return webhookProblem(value);
    case "maxDropsPerRun":
      return /^\d{1,6}$/.test(value) && Number(value) <= NUMBER_MAX
        ? undefined
        : `is not a whole number from 0 to ${NUMBER_MAX}`;
    case "workdirs":
    case "images":
    case "readable":
    case "codex":
    case "codexHome":
    case "worktreesDir":
    case "hook":
    case "webhookSecret":
      return absolutePathProblem(value);
    default:
      return key satisfies never;
  }
}

/** Returns a valid value of a key that is no list, as the policy holds it. */
export function policyValue(key: PolicyKey, value: string): string | number | boolean {
  if (isPolicyFlag(key)) return value === "true";
  return isPolicyNumber(key) ? Number(value) : value;
}

export function isPolicyKey(key: string): key is PolicyKey {
  return POLICY_KEYS.some((known) => known === key);
}

export function isPolicyList(key: PolicyKey): key is PolicyList {
  return POLICY_LISTS.some((list) => list === key);
}

export function isPolicyFlag(key: PolicyKey): boolean {
  return POLICY_FLAGS.some((flag) => flag === key);
}

export function isPolicyNumber(key: PolicyKey): boolean {
  return POLICY_NUMBERS.some((number) => number === key);
}

function ownSettingProblem(key: string): string | undefined {
  const [first = ""] = key.split(".", 1);
  const instead = Object.hasOwn(OWN_SETTINGS, first) ? OWN_SETTINGS[first] : undefined;
  return instead === undefined
    ? undefined
    : `is not for a task to set; what it may have of that says the key "${instead}"`;
}

/** What is sent is signed, not hidden: in the clear it goes to this machine alone. */
function webhookProblem(value: string): string | undefined {
  const [, scheme, host = ""] = /^(https?):\/\/([^\s/?#@]{1,253})(?:[/?#]\S{0,2000})?$/.exec(value) ?? [];
  if (scheme === undefined)
    return "is not an address, such as https://example.org/hook, without a name or password in it";
  const isHere = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/.test(host);
  return scheme === "https" || isHere ? undefined : "goes over the network in the clear: expected https://…";
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

/** Returns the words that name the candidate nearest to `word`; empty where none is near. */
export function hint(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}
