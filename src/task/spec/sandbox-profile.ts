import type { TaskSpec } from "./task-spec.ts";

/** What one run may do on this machine, whatever its task asks for: the sandbox that codex is told to put its commands into. */
export interface SandboxProfile extends Confinement {
  readonly level: NonNullable<TaskSpec["sandbox"]>;
}

/** What holds at every level that has a sandbox. Paths are absolute, links resolved; one that is not there any more denies nothing. */
export interface Confinement {
  /** What its commands cannot read, nor anything below it. */
  readonly readDenied: readonly string[];
  /** What they can read all the same: a part of what is denied, or more than that, but for what may not be written either. */
  readonly readable: readonly string[];
  /** What its commands cannot write, wherever they work: what we run, and what says what tasks may do. */
  readonly writeDenied: readonly string[];
  /** Of its commands; codex itself always reaches the model. */
  readonly network: "none" | "full";
  /** The programs of the owner's own codex configuration: MCP servers, apps, plugins, hooks, `notify`. They run outside of any sandbox. */
  readonly mcp: "none" | "own";
}

/** Returns the entry of `root` that is `path` or leads to it, or `undefined` where `path` does not lie below `root`. */
export function firstBelow(root: string, path: string): string | undefined {
  const prefix = root.endsWith("/") ? root : `${root}/`;
  if (!path.startsWith(prefix) || path === prefix) return undefined;
  const end = path.indexOf("/", prefix.length);
  return end === -1 ? path : path.slice(0, end);
}
