const CONFLICT_MARKER = /^(?:<{7}|={7}|>{7}|\|{7})(?: |\r?$)/;

/** Returns whether the line is one that `git merge` leaves around a conflict. */
export function isConflictMarker(line: string): boolean {
  return CONFLICT_MARKER.test(line);
}
