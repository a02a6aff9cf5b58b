const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/** Returns why a variable cannot be passed to a run by this name, as the end of a sentence, or `undefined`. */
export function environmentNameProblem(name: string): string | undefined {
  if (!NAME.test(name)) return "is not the name of an environment variable";
  // What a run is known by, and what says how the coordinator itself works.
  return name.startsWith("CODEX_INBOX_") ? "is codex-inbox's own" : undefined;
}
