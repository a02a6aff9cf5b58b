/**
 * What a task file may ask for. Whoever can write to inbox/ can write a task, an agent at work included, so a task never
 * decides what it is allowed to do: more than this needs the owner of the machine.
 */

/** Codex's sandbox levels, least first. */
export const SANDBOX_LEVELS = ["read-only", "workspace-write", "danger-full-access"] as const;

export type SandboxLevel = (typeof SANDBOX_LEVELS)[number];

/** The highest level a task may ask for. */
const SANDBOX_ALLOWED: SandboxLevel = "workspace-write";

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

const PATH_LENGTH_MAX = 1_000;

/** Returns whether a task may ask for this sandbox. */
export function isSandboxAllowed(level: SandboxLevel): boolean {
  return SANDBOX_LEVELS.indexOf(level) <= SANDBOX_LEVELS.indexOf(SANDBOX_ALLOWED);
}

/** Returns whether a task may set this key of codex's configuration. */
export function isCodexConfigKey(key: string): key is (typeof CODEX_CONFIG_KEYS)[number] {
  return CODEX_CONFIG_KEYS.some((allowed) => allowed === key);
}

/**
 * Returns what is wrong with a path of a task file as the end of a sentence, or `undefined` when the path, as written,
 * stays inside the workspace and out of git's own folder. Links are not followed here: whoever opens the path checks
 * where it really leads.
 */
export function workspacePathProblem(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.length > PATH_LENGTH_MAX) return `is longer than ${PATH_LENGTH_MAX} characters`;
  if (/\p{Cc}/u.test(path)) return "contains a control character";
  if (path.startsWith("/") || path.startsWith("~") || /^[A-Za-z]:/.test(path))
    return "is not relative to the workspace";
  if (path.includes("\\")) return 'contains a backslash; the parts of a path are joined by "/"';
  const segments = path.split("/");
  if (segments.includes("..")) return 'contains "..", which may lead out of the workspace';
  if (segments.some((segment) => segment.toLowerCase() === ".git")) return "leads into .git";
  return undefined;
}
