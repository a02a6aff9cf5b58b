/** What a clone is called by tasks that say where they run. */
export interface CloneNames {
  /** As its policy says; else its id. */
  readonly name: string;
  readonly labels: readonly string[];
}

const CLONE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Returns what is wrong with the name or the label of a clone, as the end of a sentence, or `undefined`. */
export function cloneNameProblem(text: string): string | undefined {
  return CLONE_NAME.test(text) ? undefined : "is not a name: 1 to 64 letters, digits, dots, dashes and underscores";
}

/** Tells whether a task may run in this clone. Upper and lower case are the same. */
export function mayRunOn(runsOn: string | undefined, { name, labels }: CloneNames): boolean {
  if (runsOn === undefined) return true;
  const wanted = runsOn.toLowerCase();
  return [name, ...labels].some((own) => own.toLowerCase() === wanted);
}
