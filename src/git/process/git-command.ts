import { basename } from "node:path";

/** A command line of git, as far as it says what may be written and where. */
export interface GitCommand {
  /** "commit"; "" where only options were given (`git --version`). */
  readonly name: string;
  /** What follows the name. */
  readonly rest: readonly string[];
  /** Every `-C <dir>`, in order. */
  readonly changesTo: readonly string[];
  readonly gitDir: string | undefined;
  readonly workTree: string | undefined;
}

/** Global options whose value is the next word. */
const WITH_VALUE = new Set(["-c", "--namespace", "--config-env", "--super-prefix", "--attr-source", "--exec-path"]);

/** Reads `argv` of a process whose name begins with "git". */
export function parseGitCommand(argv: readonly string[]): GitCommand {
  const program = basename(argv[0] ?? "");
  if (program.startsWith("git-")) {
    return { name: program.slice(4), rest: argv.slice(1), changesTo: [], gitDir: undefined, workTree: undefined };
  }
  const changesTo: string[] = [];
  let gitDir: string | undefined;
  let workTree: string | undefined;
  let at = 1;
  for (; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    const next = argv[at + 1] ?? "";
    if (!word.startsWith("-")) break;
    if (word === "-C") changesTo.push(next);
    else if (word === "--git-dir") gitDir = next;
    else if (word === "--work-tree") workTree = next;
    else if (word.startsWith("--git-dir=")) gitDir = word.slice("--git-dir=".length);
    else if (word.startsWith("--work-tree=")) workTree = word.slice("--work-tree=".length);
    if (word === "-C" || word === "--git-dir" || word === "--work-tree" || WITH_VALUE.has(word)) at += 1;
  }
  return { name: argv[at] ?? "", rest: argv.slice(at + 1), changesTo, gitDir, workTree };
}

/**
 * Commands that write neither HEAD, nor the branch that is checked out, nor entries of the index. Many of them stay open for
 * hours behind a pager. (`status` and `diff` may refresh the index, but only after they saw that it is still the one they read.)
 */
const HARMLESS = new Set(
  `annotate archive blame bugreport bundle cat-file check-attr check-ignore check-mailmap check-ref-format cherry citool column
  commit-graph config count-objects credential credential-cache credential-cache--daemon credential-store daemon describe diagnose
  diff diff-files diff-index diff-tree difftool difftool--helper fast-export fetch fetch-pack fmt-merge-msg for-each-ref
  for-each-repo format-patch fsck fsmonitor--daemon gc get-tar-commit-id grep gui gui--askpass hash-object help http-backend
  http-fetch http-push imap-send index-pack instaweb interpret-trailers log ls-files ls-remote ls-tree mailinfo mailsplit
  maintenance merge-base merge-file merge-tree mktag mktree multi-pack-index name-rev notes pack-objects pack-redundant pack-refs
  patch-id prune prune-packed push range-diff reflog remote remote-ext remote-fd remote-ftp remote-ftps remote-http remote-https
  repack request-pull rev-list rev-parse send-email send-pack shell shortlog show show-branch show-index show-ref status
  stripspace tag unpack-file unpack-objects upload-archive upload-pack var verify-commit verify-pack verify-tag version
  web--browse whatchanged`.split(/\s+/),
);

/** Tells whether a command may write what a commit of ours moves. An unknown one may: it is an alias, or newer than this list. */
export function mayWrite(command: GitCommand): boolean {
  const { name, rest } = command;
  if (name === "" || HARMLESS.has(name)) return false;
  const verb = rest[0] ?? "";
  if (name === "branch")
    return rest.some((word) => /^-(?!-)\w*[mMcCf]/.test(word) || /^--(move|copy|force)$/.test(word));
  if (name === "stash") return verb !== "list" && verb !== "show";
  if (name === "worktree") return verb !== "list";
  return true;
}
