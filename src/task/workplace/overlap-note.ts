/** Work of a session that does not go together with other work. */
export interface StandsAgainst {
  /** Paths that do not go together with what is checked out. */
  readonly conflicts: readonly string[];
  readonly overlaps: readonly { readonly session: string; readonly paths: readonly string[] }[];
}

/** Sessions that are named to an agent; there may be many. */
const SESSIONS_MAX = 5;
const PATHS_MAX = 10;

/** Returns what an agent is told of that at the end of its next prompt; `""` where there is nothing. */
export function overlapNote(found: StandsAgainst | undefined): string {
  if (found === undefined || found.conflicts.length + found.overlaps.length === 0) return "";
  const lines = [
    ...(found.conflicts.length === 0
      ? []
      : [`- The branch that this work will be merged into has changed the same places in: ${listed(found.conflicts)}`]),
    ...found.overlaps
      .slice(0, SESSIONS_MAX)
      .map(({ session, paths }) => `- Session ${session} is changing the same places in: ${listed(paths)}`),
  ];
  return `\n\n## Other work\n\nThe work of this session does not merge with other work as it is. Where you can, keep your changes to these files small.\n\n${lines.join("\n")}\n`;
}

function listed(paths: readonly string[]): string {
  const more = paths.length > PATHS_MAX ? `, and ${paths.length - PATHS_MAX} more` : "";
  const shown = paths.slice(0, PATHS_MAX).map((path) => path.replaceAll(/\p{Cc}/gu, "?").replaceAll("`", "'"));
  return `${shown.map((path) => `\`${path}\``).join(", ")}${more}`;
}
