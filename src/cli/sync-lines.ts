import type { Health } from "../app/coordinator.ts";

/** Paths listed of what is in the way. */
const PATHS_SHOWN = 5;

/** Returns how the branch and its remote stand, for people. @param time shows an ISO 8601 time */
export function syncLines(state: NonNullable<Health["sync"]>, time: (iso: string) => string): readonly string[] {
  const { remote, branch, lastSync, ahead, behind, problem, inTheWay } = state;
  const when = lastSync === null ? "not synced yet" : `synced ${time(lastSync)}`;
  const apart = [...((ahead ?? 0) > 0 ? [`${ahead} ahead`] : []), ...((behind ?? 0) > 0 ? [`${behind} behind`] : [])];
  const lines = [`${remote}/${branch}: ${[when, ...apart].join(", ")}`];
  if (problem !== null) lines.push(`waits since ${time(problem.since)}: ${problem.reason}`);
  if (inTheWay !== null) {
    const { reason, paths, command, since } = inTheWay;
    const more = paths.length > PATHS_SHOWN ? " and more" : "";
    const named = paths.length === 0 ? "" : `: ${paths.slice(0, PATHS_SHOWN).join(", ")}${more}`;
    const help = command === null ? "" : `; ${command}`;
    lines.push(`in the way since ${time(since)}: ${reason}${named}${help}`);
  }
  return lines;
}
