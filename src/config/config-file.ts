/** The configuration that travels with the repository. What counts is what the served branch holds. */
export const CONFIG_FILE = "codex-inbox.json";

/** A longer one is no configuration. */
export const CONFIG_CHARACTERS_MAX = 256 * 1024;
