import { shellWord } from "../../../base/process/shell-word.ts";

/** A kernel takes 128 KiB a word and, at the least, this for all words together; what is longer fails where its failure is told. */
const WORD_BYTES_MAX = 100_000;
const WORDS_BYTES_MAX = 500_000;
const NAME = /^[A-Za-z_]\w*$/;
/** What shells give a meaning of their own, or do not let go of; and the variables of launcher.sh. */
const SHELLS_OWN =
  /^(_|ENV|E?UID|IFS|LINENO|OPT\w+|PPID|PS\d|PWD|OLDPWD|SHLVL|RANDOM|SRANDOM|SECONDS|GROUPS|DIRSTACK|FUNC\w*|HIST\w*|SHELLOPTS|BASH\w*|EPOCH\w*|COMP_\w*|PIPESTATUS|POSIXLY_CORRECT|TMOUT|launcher_\w*)$/;

/**
 * Returns what launcher.sh is to be told (after "start" and a number) to start `command` with exactly this environment, or `undefined`
 * where a shell cannot pass it on unchanged.
 *
 * @param workdir absolute
 * @param stderr path of the file that standard error is appended to
 */
export function startRequest(
  workdir: string,
  stderr: string,
  environment: Readonly<Record<string, string>>,
  command: readonly string[],
): string | undefined {
  const names = Object.keys(environment);
  if (!workdir.startsWith("/") || !names.every((name) => NAME.test(name) && !SHELLS_OWN.test(name))) return undefined;
  const words = [workdir, stderr, ...names.map((name) => `${name}=${environment[name]}`), "--", ...command];
  let bytes = 0;
  for (const word of words) {
    const size = Buffer.byteLength(word);
    bytes += size;
    if (size > WORD_BYTES_MAX || bytes > WORDS_BYTES_MAX || word.includes("\0")) return undefined;
  }
  return words.map(shellWord).join(" ");
}

/** Returns what launcher.sh is to be told to wait for processes that have ended. */
export function waitRequest(pids: readonly number[]): string {
  return `wait ${pids.join(" ")}\n`;
}
