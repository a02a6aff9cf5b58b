import { quoted } from "../spec/task-problem.ts";
import { nearest } from "../text/near-miss.ts";
import { ORIGIN_KINDS, type OriginKind } from "./origin-kind.ts";
import { DEFAULT_POLICY, isOriginKind, isRightKey, type Policy, RIGHT_KEYS } from "./policy.ts";
import {
  isPolicyKey,
  isPolicyList,
  POLICY_KEYS,
  POLICY_LISTS,
  type PolicyKey,
  policyValue,
  policyValueProblem,
} from "./policy-value.ts";

/** What `codex-inbox policy <action> <key> <value> …` takes. */
export const POLICY_ACTIONS = ["set", "allow", "deny", "reset"] as const;

export interface PolicyChange {
  readonly action: string;
  readonly key: string | undefined;
  readonly values: readonly string[];
  /** For tasks that come this way alone. */
  readonly origin?: string;
}

/** A problem is a sentence for the user of the command. */
export type ChangedPolicy = { readonly policy: Policy } | { readonly problem: string };

/** Returns `policy` after a change. What is so already stays so. */
export function changePolicy(policy: Policy, change: PolicyChange): ChangedPolicy {
  const { origin, key } = change;
  if (origin === undefined) return changeKey(policy, change);
  if (!isOriginKind(origin)) return { problem: unknown("origin", origin, ORIGIN_KINDS) };
  if (key !== undefined && !isRightKey(key))
    return { problem: `${quoted(key)} is the same for every origin; what differs is one of ${RIGHT_KEYS.join(", ")}` };
  const own = policy.origins[origin] ?? {};
  const rest = Object.fromEntries(Object.entries(own).filter(([name]) => name !== key));
  if (change.action === "reset" && key !== undefined && change.values.length === 0)
    return { policy: { ...policy, origins: withOrigin(policy, origin, rest) } };
  const changed = changeKey({ ...policy, ...own }, change);
  if ("problem" in changed || key === undefined) return changed;
  return { policy: { ...policy, origins: withOrigin(policy, origin, { ...rest, [key]: changed.policy[key] }) } };
}

function withOrigin(
  { origins }: Policy,
  origin: OriginKind,
  own: Policy["origins"][OriginKind] & object,
): Policy["origins"] {
  const others = Object.entries(origins).filter(([name]) => name !== origin);
  return Object.fromEntries([...others, ...(Object.keys(own).length === 0 ? [] : [[origin, own] as const])]);
}

function changeKey(policy: Policy, { action, key, values }: PolicyChange): ChangedPolicy {
  const known = POLICY_ACTIONS.find((name) => name === action);
  if (known === undefined) return { problem: unknown("action", action, POLICY_ACTIONS) };
  if (key === undefined) return { problem: `${known} takes a key: ${POLICY_KEYS.join(", ")}` };
  if (!isPolicyKey(key)) return { problem: unknown("key", key, POLICY_KEYS) };
  if (known === "reset") {
    if (values.length > 0)
      return { problem: `reset takes a key and nothing else; it makes ${key} what it was at first` };
    return { policy: { ...policy, [key]: DEFAULT_POLICY[key] } };
  }
  return known === "set" ? set(policy, key, values) : list(policy, key, values, known);
}

function set(policy: Policy, key: PolicyKey, values: readonly string[]): ChangedPolicy {
  if (isPolicyList(key)) return { problem: `${key} is a list: use "allow ${key} <value>" and "deny ${key} <value>"` };
  const [value, ...rest] = values;
  if (value === undefined || rest.length > 0) return { problem: `set ${key} takes one value` };
  const problem = policyValueProblem(key, value);
  return problem === undefined
    ? { policy: { ...policy, [key]: policyValue(key, value) } }
    : { problem: `${key}: ${quoted(value)} ${problem}` };
}

function list(policy: Policy, key: PolicyKey, values: readonly string[], action: "allow" | "deny"): ChangedPolicy {
  if (!isPolicyList(key)) {
    const lists = POLICY_LISTS.join(", ");
    return { problem: `${key} is one value: use "set ${key} <value>" ("allow" and "deny" are for ${lists})` };
  }
  if (values.length === 0) return { problem: `${action} ${key} takes one or more values` };
  const before = policy[key];
  if (action === "allow") {
    for (const value of values) {
      const problem = policyValueProblem(key, value);
      if (problem !== undefined) return { problem: `${key}: ${quoted(value)} ${problem}` };
    }
    return { policy: { ...policy, [key]: [...new Set([...before, ...values])] } };
  }
  const missing = values.find((value) => !before.includes(value));
  if (missing !== undefined) {
    const there = before.length === 0 ? "nothing" : before.join(", ");
    return { problem: `${key}: ${quoted(missing)} is not allowed anyway (allowed: ${there})` };
  }
  return { policy: { ...policy, [key]: before.filter((value) => !values.includes(value)) } };
}

function unknown(what: "action" | "key" | "origin", word: string, words: readonly string[]): string {
  const near = nearest(word, words);
  const advice = near === undefined ? `it is one of ${words.join(", ")}` : `did you mean "${near}"?`;
  return `there is no ${what} ${quoted(word)}; ${advice}`;
}
