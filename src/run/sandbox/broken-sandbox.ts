/** What codex's sandbox prints in place of a command where it cannot be set up (0.169.0): bubblewrap's own words, or a panic of its helper. */
const BROKEN = /^\s*(bwrap: |thread 'main' \(\d+\) panicked at linux-sandbox\/|.*fs sandbox helper failed.*\bbwrap: )/;
const MENTIONS = /\bbwrap\b/;
const WORDS_MAX = 300;

/** Returns what the sandbox said where it could not be set up, one line, judging by the whole output of a command; else `undefined`. */
export function brokenSandboxWords(output: string, command = ""): string | undefined {
  if (!BROKEN.test(output) || MENTIONS.test(command)) return undefined; // A command may run bubblewrap itself.
  return output.trim().replaceAll(/\s+/g, " ").slice(0, WORDS_MAX).toWellFormed();
}

const USER_NAMESPACES =
  "let unprivileged users make user namespaces (Debian: sysctl -w kernel.unprivileged_userns_clone=1; Ubuntu: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bwrap; elsewhere user.max_user_namespaces), or give a container the right to";

/** Returns what helps, for what the sandbox said. */
export function sandboxRemedy(words: string): string {
  if (/could not find bubblewrap/i.test(words)) return "install bubblewrap (apt-get install bubblewrap)";
  if (/namespace|uid map|RTM_NEW|permission|operation not permitted/i.test(words)) return USER_NAMESPACES;
  return "`codex sandbox -P :workspace -- /bin/true` shows it";
}
