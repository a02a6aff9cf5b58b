import { dirname } from "node:path";

/**
 * Returns the setting that keeps codex from taking configuration from the repository. In a project that the user has once called
 * trusted, codex reads `.codex/` of the working directory and of every folder above it: it starts the servers that `config.toml`
 * names, and runs the commands that `rules/` allow, outside its sandbox. It protects only the one directly below the working
 * directory (all seen with 0.169.0). So an agent could write one into a sub-folder, and drop a task that works there. The folders are named one by one: an empty table takes nothing back.
 *
 * @param workdir absolute, links resolved
 */
export function untrustedProject(workdir: string): string {
  const folders: string[] = [];
  for (let folder = workdir; folders.at(-1) !== folder; folder = dirname(folder)) folders.push(folder);
  const entries = folders.map((folder) => `${JSON.stringify(folder)}={trust_level="untrusted"}`);
  return `projects={${entries.join(",")}}`;
}
