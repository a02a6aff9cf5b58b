import type { TaskSpec } from "../spec/task-spec.ts";
import type { Bounds, Given, Origin } from "./origin.ts";
import { ORIGIN_KINDS, type OriginKind } from "./origin-kind.ts";
import type { Policy } from "./policy.ts";
import {
  CODEX_CONFIG_KEYS,
  isBelow,
  isVerifyAllowed,
  lowerLevel,
  MCP_CHOICES,
  NETWORK_CHOICES,
  RESUME_CHOICES,
  type Rights,
  SANDBOX_LEVELS,
  VERIFY_CHOICES,
  VERIFY_PLACES,
  type VerifyChoice,
} from "./rights.ts";

/** What tasks may ask for, by who asks. */
export interface RightsByOrigin {
  /** What any origin may ask for: what is beyond that needs no look at who asks. The same object until something changes. */
  readonly widest: Rights;
  of(origin: Origin): Rights;
  /** Of a task that nothing else bounds. */
  ofKind(kind: OriginKind): Rights;
  /** Returns the address of an author whose tasks wait until the owner of the machine allows them; `undefined`: they do not. */
  heldAuthor(origin: Origin): string | undefined;
}

/**
 * @param listed verify commands that the committed configuration of the served branch names
 * @param isOwnThread whether a run of this workspace has begun a thread
 */
export function rightsByOrigin(
  policy: Policy,
  listed: readonly string[],
  isOwnThread: (thread: string) => boolean = () => true,
): RightsByOrigin {
  const make = (kind: OriginKind): Rights => Object.freeze({ ...rightsOfKind(policy, kind, listed), isOwnThread });
  const kinds = new Map(ORIGIN_KINDS.map((kind) => [kind, make(kind)]));
  const ofKind = (kind: OriginKind): Rights => kinds.get(kind) ?? make(kind);
  return {
    widest: [...kinds.values()].reduce((one, other) => joined(one, other)),
    ofKind,
    heldAuthor: (origin) =>
      policy.holdNewAuthors && origin.kind === "commit" && !policy.authors.includes(origin.email)
        ? origin.email
        : undefined,
    of: ({ kind, bounds }) => (bounds === undefined ? ofKind(kind) : bounded(ofKind(kind), bounds, ofKind)),
  };
}

/**
 * Returns what a run of a task has: what its children may have no more than.
 *
 * @param level its sandbox
 */
export function givenTo(
  spec: Pick<TaskSpec, "codexConfig" | "environment" | "workdir" | "verifyCommand">,
  rights: Rights,
  level: Rights["sandbox"],
): Given {
  const settings = spec.codexConfig.map((setting) => setting.slice(0, Math.max(0, setting.indexOf("="))));
  return {
    sandbox: level,
    verifyCommands: spec.verifyCommand === undefined ? [] : [spec.verifyCommand],
    workdirs: spec.workdir?.startsWith("/") === true ? [spec.workdir] : [],
    // The five that gain nothing, and what it was allowed besides.
    codexConfig: [...new Set([...CODEX_CONFIG_KEYS.filter((key) => rights.codexConfig.includes(key)), ...settings])],
    environment: spec.environment,
    ...{ network: rights.network, mcp: rights.mcp, readable: rights.readable },
  };
}

function rightsOfKind(policy: Policy, kind: OriginKind, listed: readonly string[]): Rights {
  const { verifyCommand, origins } = policy;
  const own = origins[kind] ?? {};
  const rights = { ...policy, ...own };
  const isByOrigin = own.verifyCommand === undefined && verifyCommand === undefined;
  return {
    ...{ sandbox: rights.sandbox, verify: rights.verify, workdirs: rights.workdirs, images: rights.images },
    ...{ codexConfig: rights.codexConfig, environment: rights.environment, resume: rights.resume },
    ...{ network: rights.network, mcp: rights.mcp, readable: rights.readable, maxDropsPerRun: policy.maxDropsPerRun },
    verifyCommand: rights.verifyCommand ?? defaultChoice(kind, rights.verify),
    verifyCommands: [...new Set([...rights.verifyCommands, ...listed])],
    apart: { origin: kind, keys: [...Object.keys(own), ...(isByOrigin ? ["verifyCommand"] : [])] },
  };
}

/**
 * A command of somebody else's is not run unseen. A file of which nobody knows who wrote it may be an agent's: what it names gains
 * nothing over that agent in its sandbox, but outside of one it would.
 */
function defaultChoice(kind: OriginKind, verify: Rights["verify"]): VerifyChoice {
  if (kind === "commit" || kind === "agent") return "listed";
  return kind === "file" && verify === "unsandboxed" ? "listed" : "any";
}

function bounded(rights: Rights, { kinds, given }: Bounds, ofKind: (kind: OriginKind) => Rights): Rights {
  const byKinds = kinds.map(ofKind).reduce((one, other) => met(one, other), rights);
  const whose = given === undefined ? "a task may that comes this way" : "the task has whose agent asks for it";
  if (given === undefined) return { ...byKinds, bound: { without: rights, whose } };
  const byParent = met(byKinds, { ...byKinds, ...given, verifyCommands: byKinds.verifyCommands });
  // What its parent is verified by was allowed there, and is for as long as those may have it that the parent goes back to.
  const isStill = (command: string): boolean =>
    kinds.every((kind) => kind === "agent" || isVerifyAllowed(command, ofKind(kind)));
  const inherited = given.verifyCommands.filter(isStill);
  const verifyCommands = [...new Set([...byParent.verifyCommands, ...inherited])];
  const all = { ...byParent, verifyCommands };
  return {
    ...all,
    bound: { without: { ...rights, verifyCommands: [...rights.verifyCommands, ...inherited] }, whose },
  };
}

function lower<Word extends string>(words: readonly Word[], one: Word, other: Word): Word {
  return words.indexOf(one) <= words.indexOf(other) ? one : other;
}

function higher<Word extends string>(words: readonly Word[], one: Word, other: Word): Word {
  return words.indexOf(one) <= words.indexOf(other) ? other : one;
}

/** Returns what both allow. */
function met(one: Rights, other: Rights): Rights {
  return {
    ...one,
    sandbox: lowerLevel(one.sandbox, other.sandbox),
    verify: lower(VERIFY_PLACES, one.verify, other.verify),
    verifyCommand: lower(VERIFY_CHOICES, one.verifyCommand, other.verifyCommand),
    verifyCommands: metCommands(one, other),
    workdirs: metPaths(one.workdirs, other.workdirs),
    images: metPaths(one.images, other.images),
    readable: metPaths(one.readable, other.readable),
    codexConfig: one.codexConfig.filter((key) => other.codexConfig.includes(key)),
    environment: one.environment.filter((name) => other.environment.includes(name)),
    resume: lower(RESUME_CHOICES, one.resume, other.resume),
    network: lower(NETWORK_CHOICES, one.network, other.network),
    mcp: lower(MCP_CHOICES, one.mcp, other.mcp),
    maxDropsPerRun: Math.min(one.maxDropsPerRun, other.maxDropsPerRun),
  };
}

/** One that allows any command has no list of its own. */
function metCommands(one: Rights, other: Rights): readonly string[] {
  if (one.verifyCommand === "any") return other.verifyCommands;
  if (other.verifyCommand === "any") return one.verifyCommands;
  return one.verifyCommands.filter((command) => other.verifyCommands.includes(command));
}

function metPaths(one: readonly string[], other: readonly string[]): readonly string[] {
  const inside = (paths: readonly string[], roots: readonly string[]): readonly string[] =>
    paths.filter((path) => roots.some((root) => isBelow(root, path)));
  return [...new Set([...inside(one, other), ...inside(other, one)])];
}

/** Returns what either allows. */
function joined(one: Rights, other: Rights): Rights {
  const both = (key: "verifyCommands" | "workdirs" | "images" | "readable" | "codexConfig" | "environment") => [
    ...new Set([...one[key], ...other[key]]),
  ];
  const { apart: _, ...rights } = one;
  return {
    ...rights,
    sandbox: higher(SANDBOX_LEVELS, one.sandbox, other.sandbox),
    verify: higher(VERIFY_PLACES, one.verify, other.verify),
    verifyCommand: higher(VERIFY_CHOICES, one.verifyCommand, other.verifyCommand),
    ...{ verifyCommands: both("verifyCommands"), workdirs: both("workdirs"), images: both("images") },
    ...{ readable: both("readable"), codexConfig: both("codexConfig"), environment: both("environment") },
    resume: higher(RESUME_CHOICES, one.resume, other.resume),
    network: higher(NETWORK_CHOICES, one.network, other.network),
    mcp: higher(MCP_CHOICES, one.mcp, other.mcp),
  };
}
