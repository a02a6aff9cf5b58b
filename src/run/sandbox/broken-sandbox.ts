/** What codex's sandbox prints in place of a command where it cannot be set up (0.169.0): bubblewrap's own words, or a panic of its helper. */
const BROKEN = /^(?:bwrap: |thread 'main' \(\d{1,10}\) panicked at linux-sandbox\/)/;
/** Of an output, its beginning is enough. */
const LOOKED_AT = 2_000;
const WORDS_MAX = 300;

/** Returns what the sandbox said where it could not be set up, one line, judging by the whole output of a command; else `undefined`. */
export function brokenSandboxWords(output: string, command = ""): string | undefined {
  const said = output.slice(0, LOOKED_AT).trim();
  if (!BROKEN.test(said) || command.includes("bwrap")) return undefined; // A command may run bubblewrap itself.
  return said
    .split(/\s/)
    .filter((word) => word !== "")
    .join(" ")
    .slice(0, WORDS_MAX)
    .toWellFormed();
}

const USER_NAMESPACES =
  "let unprivileged users make user namespaces (Debian: sysctl -w kernel.unprivileged_userns_clone=1; Ubuntu: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bwrap; elsewhere user.max_user_namespaces), or give a container the right to";

/** Returns what helps, for what the sandbox said. */
export function sandboxRemedy(words: string): string {
  if (/could not find bubblewrap/i.test(words)) return "install bubblewrap (apt-get install bubblewrap)";
  if (/namespace|uid map|RTM_NEW|permission|operation not permitted/i.test(words)) return USER_NAMESPACES;
  return "`codex sandbox -P :workspace -- /bin/true` shows it";
}
