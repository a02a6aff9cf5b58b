import { quoted } from "../spec/task-problem.ts";
import type { TaskSpec } from "../spec/task-spec.ts";
import { shellWord } from "../text/shell-word.ts";
import type { OriginKind } from "./origin-kind.ts";

/**
 * What a task file may ask for. Whoever can write to inbox/ can write a task, an agent at work included, so a task never
 * decides what it is allowed to do: the owner of the machine does, in the policy of the workspace (policy.ts).
 */

/** Codex's sandbox levels, least first. */
export const SANDBOX_LEVELS = ["read-only", "workspace-write", "danger-full-access"] as const;

export type SandboxLevel = (typeof SANDBOX_LEVELS)[number];

/** Where a verify command runs: inside codex's sandbox at the level of its task, or with all the rights of the coordinator. */
export const VERIFY_PLACES = ["sandboxed", "unsandboxed"] as const;

/** Which verify commands a task may have: none, those that the policy or the served branch names, or any. Least first. */
export const VERIFY_CHOICES = ["none", "listed", "any"] as const;

export type VerifyChoice = (typeof VERIFY_CHOICES)[number];

/** Which codex threads a task may name that no run of this workspace has made. */
export const RESUME_CHOICES = ["none", "any"] as const;

/** Of the commands of a run. */
export const NETWORK_CHOICES = ["none", "full"] as const;

/** Which MCP servers, apps and plugins a run is given: none, or those of the owner's own codex configuration. */
export const MCP_CHOICES = ["none", "own"] as const;

/** What the owner of the machine allows tasks to ask for. */
export interface Rights {
  /** The highest level. */
  readonly sandbox: SandboxLevel;
  readonly verify: (typeof VERIFY_PLACES)[number];
  readonly verifyCommand: VerifyChoice;
  /** The listed ones, as a task writes them. */
  readonly verifyCommands: readonly string[];
  /** Absolute paths that a working directory may be or lie below, besides the working tree. */
  readonly workdirs: readonly string[];
  /** The same for images. */
  readonly images: readonly string[];
  /** Keys of codex's configuration. */
  readonly codexConfig: readonly string[];
  /** Names of variables of the coordinator's environment. */
  readonly environment: readonly string[];
  readonly resume: (typeof RESUME_CHOICES)[number];
  readonly network: (typeof NETWORK_CHOICES)[number];
  readonly mcp: (typeof MCP_CHOICES)[number];
  /** Absolute paths that a run may read although what holds credentials is closed to it. */
  readonly readable: readonly string[];
  /** How many of the files that one run of an agent leaves in inbox/ become tasks. */
  readonly maxDropsPerRun: number;
  /** Whether a run of this workspace has begun a thread; all count as its own where nobody can tell. */
  readonly isOwnThread?: (thread: string) => boolean;
  /** Keys that the owner has to change for one origin alone, for what is said of a refusal. */
  readonly apart?: { readonly origin: OriginKind; readonly keys: readonly string[] };
  /** What bounds them besides the policy: what would be allowed `without` it, and whose they are then, in words. */
  readonly bound?: { readonly without: Rights; readonly whose: string };
}

/**
 * The codex settings a task or codex-inbox.json may name: how much the model thinks and what is shown of it. None of them
 * runs a program, opens a connection, or changes sandbox, approvals or environment.
 */
export const CODEX_CONFIG_KEYS = [
  "model_reasoning_effort",
  "model_reasoning_summary",
  "model_verbosity",
  "hide_agent_reasoning",
  "show_raw_agent_reasoning",
] as const;

/** What holds where the owner has said nothing: with it a task gains nothing over an agent in its sandbox. */
export const DEFAULT_RIGHTS: Rights = Object.freeze({
  sandbox: "workspace-write",
  verify: "sandboxed",
  verifyCommand: "any",
  verifyCommands: [],
  workdirs: [],
  images: [],
  codexConfig: CODEX_CONFIG_KEYS,
  environment: [],
  resume: "none",
  network: "none",
  mcp: "none",
  readable: [],
  maxDropsPerRun: 20,
});

const PATH_LENGTH_MAX = 1_000;
/** What stands in place of a secret. */
const REDACTED = /\[redacted: [a-z0-9-]{1,64}\]/;

/** One thing that a task asks for and may not have. */
export interface Refusal {
  /** The key of the front matter. */
  readonly key: "sandbox" | "resume" | "verifyCommand" | "workdir" | "images" | "codexConfig" | "environment";
  /** Begins with the key. */
  readonly message: string;
  /** What would be right, with the command that allows more. */
  readonly expected: string;
}

/** Returns what `spec` asks for and `rights` do not allow; paths as they are written. */
export function refusals(spec: TaskSpec, rights: Rights): readonly Refusal[] {
  const { bound } = rights;
  if (bound === undefined) return refusalsBy(spec, rights);
  const refused = refusalsBy(spec, bound.without);
  if (refused.length > 0) return refused;
  return refusalsBy(spec, rights).map((refusal) => ({ ...refusal, expected: `no more than ${bound.whose}` }));
}

function refusalsBy(spec: TaskSpec, rights: Rights): readonly Refusal[] {
  const { sandbox, workdir, verifyCommand, resume } = spec;
  return [
    ...(sandbox === undefined || lowerLevel(sandbox, rights.sandbox) === sandbox
      ? []
      : [refusedSandbox(sandbox, rights)]),
    ...(typeof resume !== "string" || mayResume(resume, rights) ? [] : [refusedThread(resume, rights)]),
    ...(verifyCommand === undefined || isVerifyAllowed(verifyCommand, rights)
      ? []
      : [refusedVerify(verifyCommand, rights)]),
    ...(workdir === undefined || isPathAllowed(workdir, rights.workdirs)
      ? []
      : [refusedPath("workdir", workdir, rights)]),
    ...spec.images
      .filter((image) => !isPathAllowed(image, rights.images))
      .map((image) => refusedPath("images", image, rights)),
    ...settingKeys(spec.codexConfig)
      .filter((key) => !rights.codexConfig.includes(key))
      .map((key) => refusedSetting(key, rights)),
    ...spec.environment
      .filter((name) => !rights.environment.includes(name))
      .map((name): Refusal => {
        const message = `environment: no task is passed the variable ${name}`;
        return { key: "environment", message, expected: allowedBy("none", "allow", "environment", name, rights) };
      }),
  ];
}

/** Returns a refusal as one sentence. */
export function describeRefusal({ message, expected }: Pick<Refusal, "message" | "expected">): string {
  return `${message}; expected: ${expected}`;
}

/** Tells whether a task may go on in this thread, however it came to its name. */
export function mayResume(thread: string, { resume, isOwnThread = () => true }: Rights): boolean {
  return resume === "any" || isOwnThread(thread);
}

/** Tells whether a task may have this verify command. */
export function isVerifyAllowed(
  command: string,
  { verifyCommand, verifyCommands }: Pick<Rights, "verifyCommand" | "verifyCommands">,
): boolean {
  return verifyCommand === "any" || (verifyCommand === "listed" && verifyCommands.includes(command));
}

/** Returns the lower one of two levels. */
export function lowerLevel(one: SandboxLevel, other: SandboxLevel): SandboxLevel {
  return SANDBOX_LEVELS.indexOf(one) <= SANDBOX_LEVELS.indexOf(other) ? one : other;
}

/** Returns whether the absolute path `path` is `root` or lies below it, as they are written. */
export function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

/**
 * Returns the sentence that refuses a path because of where it leads.
 *
 * @param real where that is, absolute; links resolved
 */
export function refusedTarget(key: "workdir" | "images", path: string, real: string, rights: Rights): Refusal {
  return {
    ...refusedPath(key, real, rights),
    message: `${key}: ${quoted(path)} leads to ${quoted(real)}, outside the working tree`,
  };
}

function refusedSandbox(level: SandboxLevel, rights: Rights): Refusal {
  const message = `sandbox: "${level}" is more than a task may ask for here`;
  return { key: "sandbox", message, expected: allowedBy(`at most ${rights.sandbox}`, "set", "sandbox", level, rights) };
}

function refusedThread(thread: string, rights: Rights): Refusal {
  const message = `resume: no run of this workspace has begun the thread ${thread}`;
  return { key: "resume", message, expected: allowedBy("a thread of this workspace", "set", "resume", "any", rights) };
}

function refusedVerify(command: string, rights: Rights): Refusal {
  const { verifyCommand, verifyCommands } = rights;
  const message = `verifyCommand: ${quoted(command)} is not a command that a task may have run here`;
  if (REDACTED.test(command)) {
    const why = `${message}: a secret was taken out of it, so that it is no listed one any more`;
    const expected = "an environment variable in its place (environment: [NAME]), in the task and in the list";
    return { key: "verifyCommand", message: why, expected };
  }
  if (verifyCommand === "none")
    return { key: "verifyCommand", message, expected: allowedBy("none", "set", "verifyCommand", "listed", rights) };
  const listed = verifyCommands.length === 0 ? "none, so far" : verifyCommands.map((one) => quoted(one)).join(", ");
  const list = `one that the policy or "verifyCommands" in the committed codex-inbox.json names (${listed})`;
  return { key: "verifyCommand", message, expected: allowedBy(list, "allow", "verifyCommands", command, rights) };
}

function refusedPath(key: "workdir" | "images", path: string, rights: Rights): Refusal {
  const list = key === "workdir" ? "workdirs" : key;
  const message = `${key}: ${quoted(path)} is an absolute path, and tasks may not name it here`;
  const expected = allowedBy("a path relative to the working tree", "allow", list, path, rights);
  return { key, message, expected };
}

function refusedSetting(key: string, rights: Rights): Refusal {
  const { codexConfig } = rights;
  const message = `codexConfig: ${quoted(key)} is not a setting that a task may make here`;
  const allowed = codexConfig.length === 0 ? "none" : `only ${codexConfig.join(", ")}`;
  return { key: "codexConfig", message, expected: allowedBy(allowed, "allow", "codexConfig", key, rights) };
}

function allowedBy(expected: string, action: "set" | "allow", key: string, value: string, { apart }: Rights): string {
  const origin = apart?.keys.includes(key) === true ? ` --origin ${apart.origin}` : "";
  const command = `codex-inbox policy ${action}${origin} ${key} ${shellWord(value)}`;
  return `${expected}, unless the owner of the machine allows it with "${command}"`;
}

function isPathAllowed(path: string, roots: readonly string[]): boolean {
  return !path.startsWith("/") || roots.some((root) => isBelow(root, path));
}

function settingKeys(settings: readonly string[]): readonly string[] {
  return [...new Set(settings.map((setting) => setting.slice(0, Math.max(0, setting.indexOf("=")))))];
}

/**
 * Returns what is wrong with a path of a task file as the end of a sentence, or `undefined` when the path, as written,
 * stays inside the working tree and out of git's own folder. Links are not followed here: the code that opens the path
 * checks where it leads.
 */
export function treePathProblem(path: string): string | undefined {
  return path.startsWith("/") ? "is not relative to the working tree" : pathProblem(path);
}

/** Does the same where an absolute path may be allowed. */
export function pathProblem(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.length > PATH_LENGTH_MAX) return `is longer than ${PATH_LENGTH_MAX} characters`;
  if (/\p{Cc}/u.test(path)) return "contains a control character";
  if (path.startsWith("~") || /^[A-Za-z]:/.test(path)) return "is not relative to the working tree";
  if (path.includes("\\")) return 'contains a backslash; the parts of a path are joined by "/"';
  const segments = path.split("/");
  if (segments.includes("..")) return 'contains "..", which may lead out of the working tree';
  if (segments.some((segment) => segment.toLowerCase() === ".git")) return "leads into .git";
  return undefined;
}

/** The name of a model, of any provider. It never begins with a hyphen: codex would take it for one of its flags. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$/;

const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/** Returns why a variable cannot be passed to a run by this name, as the end of a sentence, or `undefined`. */
export function environmentNameProblem(name: string): string | undefined {
  if (!ENVIRONMENT_NAME.test(name)) return "is not the name of an environment variable";
  if (/^GIT_(DIR|WORK_TREE|CONFIG)/.test(name)) return "says where git looks, which codex-inbox does for each run";
  // Our own: a run is known by one of them, and others set up the coordinator.
  return name.startsWith("CODEX_INBOX_") ? "is codex-inbox's own" : undefined;
}
