import { ORIGIN_KINDS } from "../task/rights/origin-kind.ts";
import { SANDBOX_LEVELS } from "../task/rights/rights.ts";
import { WORKTREE_CHOICES } from "../task/workplace/choose-workplace.ts";
import type { Command } from "./command.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof SHELLS)[number];

/** What may stand at a place: names that the workspace has, files, or these words. */
type Candidates = "tasks" | "sessions" | "files" | readonly string[];

/** Returns the script that completes `commands` in a shell; asked for tasks and sessions it says nothing where there are none. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const all = commands.flatMap((command) => [
    command,
    ...(command.aliases ?? []).map((name) => ({ ...command, name })),
  ]);
  if (shell === "fish") return fishScript(all);
  const table = bashTable(all);
  return shell === "bash" ? bashScript(table) : zshScript(table);
}

/** What a flag takes, by how the help names it. */
const CHOICES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["level", SANDBOX_LEVELS],
  ["0-4", ["0", "1", "2", "3", "4"]],
  ["choice", WORKTREE_CHOICES],
  ["origin", ORIGIN_KINDS],
]);

/** What a command's first word may be, where the usage line names no task or session. */
const FIRST_WORDS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["completion", SHELLS],
  ["policy", ["set", "allow", "deny", "reset", "allow-author"]],
  ["worktree", ["ls", "gc", "open", "repair"]],
]);

/** Returns what a flag's value may be, by how the help names it; `undefined` for a flag that takes none. */
function valuesOf({ help, options }: Command, flag: string): Candidates | undefined {
  if (options[flag]?.type !== "string") return undefined;
  const line = help.find((one) => one.split(" ", 1)[0] === dashed(flag)) ?? "";
  const takes = line.includes("<") ? line.slice(line.indexOf("<") + 1, line.indexOf(">")) : "";
  const choices = CHOICES.get(takes);
  if (choices !== undefined) return choices;
  if (takes === "state") return line.slice(line.lastIndexOf(": ") + 2).split(", "); // Those of tasks, or of sessions.
  if (takes === "task") return "tasks";
  if (flag === "session") return "sessions";
  return takes === "path" || takes === "dir" ? "files" : [];
}

/** Returns what a command's words may be, by its usage line. */
function wordsOf({ usage, name }: Command): Candidates {
  const first = FIRST_WORDS.get(name);
  if (first !== undefined) return first;
  const words = usage.replaceAll(/\[--?[^[\]]*\]/g, "");
  if (/<task\b/.test(words)) return "tasks";
  return name === "sessions" || /<session>/.test(words) ? "sessions" : [];
}

function flagsOf({ options }: Command): readonly string[] {
  return [...Object.keys(options).map(dashed), "--help"];
}

function dashed(flag: string): string {
  return flag.length === 1 ? `-${flag}` : `--${flag}`;
}

/** One function for bash and zsh: the lines of a `case` that say what may stand where. */
function bashTable(commands: readonly Command[]): { readonly names: string; readonly cases: string } {
  const cases = commands.map((command) => {
    const values = Object.keys(command.options).flatMap((flag) => {
      const candidates = valuesOf(command, flag);
      return candidates === undefined ? [] : [`      ${command.name}:${dashed(flag)}) ${shellList(candidates)} ;;`];
    });
    const flags = `      ${command.name}:-*) list="${flagsOf(command).join(" ")}" ;;`;
    return [...values, flags, `      ${command.name}:*) ${shellList(wordsOf(command))} ;;`].join("\n");
  });
  return { names: commands.map(({ name }) => name).join(" "), cases: cases.join("\n") };
}

function shellList(candidates: Candidates): string {
  if (candidates === "tasks") return 'list="$(_codex_inbox_names ls id)"';
  if (candidates === "sessions") return 'list="$(_codex_inbox_names sessions key)"';
  return candidates === "files" ? "files=1" : `list="${candidates.join(" ")}"`;
}

/** The place is `<command>:<what stands before>` where that is a flag with a value, else `<command>:<what is being typed>`. */
function commonPart({ names, cases }: ReturnType<typeof bashTable>): string {
  return `_codex_inbox_names() {
  codex-inbox "\${dir[@]}" "$1" --json 2>/dev/null </dev/null | sed -n "s/^ *\\"$2\\": \\"\\([^\\"]*\\)\\".*/\\1/p" | sort -u
}

# Sets list, or files=1, for the word "$1" behind "$2"; the words before them follow.
_codex_inbox_find() {
  local word="$1" before="$2" name="" skip="" one place
  local -a dir
  dir=()
  shift 2
  for one in "$@"; do
    if [ "$skip" = dir ]; then dir=(-C "$one"); skip=""
    elif [ "$one" = -C ]; then skip=dir
    elif [ -z "$name" ]; then case "$one" in -*) ;; *) name="$one" ;; esac
    fi
  done
  list="" files=""
  if [ "$before" = -C ]; then files=1; return; fi
  if [ -z "$name" ]; then list="${names} help"; return; fi
  for place in "$name:$before" "$name:$word"; do
    if [ "$place" = "$name:$before" ]; then case "$before" in --*|-?) ;; *) continue ;; esac; fi
    case "$place" in
${cases}
    esac
    # A flag without a value says nothing of the word behind it.
    if [ "$place" = "$name:$before" ]; then
      case "$list" in *--help*) list="" ;; *) return ;; esac
    fi
  done
}
`;
}

function bashScript(table: ReturnType<typeof bashTable>): string {
  return `# bash completion of codex-inbox
${commonPart(table)}
_codex_inbox() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="" list files
  if [ "$COMP_CWORD" -gt 1 ]; then before="\${COMP_WORDS[COMP_CWORD-1]}"; fi
  _codex_inbox_find "$word" "$before" "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  if [ -n "$files" ]; then COMPREPLY=($(compgen -f -- "$word")); return; fi
  COMPREPLY=($(compgen -W "$list" -- "$word"))
}
complete -o filenames -o bashdefault -F _codex_inbox codex-inbox
`;
}

function zshScript(table: ReturnType<typeof bashTable>): string {
  return `#compdef codex-inbox
${commonPart(table)}
_codex_inbox() {
  local word="\${words[CURRENT]}" before="" list files
  if (( CURRENT > 2 )); then before="\${words[CURRENT-1]}"; fi
  _codex_inbox_find "$word" "$before" "\${(@)words[2,CURRENT-1]}"
  if [ -n "$files" ]; then _files; return; fi
  compadd -- \${=list}
}
compdef _codex_inbox codex-inbox
`;
}

function fishScript(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const here = `-n '__codex_inbox_is ${command.name}'`;
    const flags = Object.keys(command.options).map((flag) => {
      const candidates = valuesOf(command, flag);
      const option = flag.length === 1 ? `-s ${flag}` : `-l ${flag}`;
      return `complete -c codex-inbox ${here} ${option}${candidates === undefined ? "" : ` ${fishList(candidates)}`}`;
    });
    const words = wordsOf(command);
    const own =
      typeof words === "string" || words.length > 0
        ? [`complete -c codex-inbox ${here} ${fishList(words).replace("-x", "-f")}`]
        : [];
    const summary = command.summary.replaceAll(/[\\']/g, "\\$&");
    return [`complete -c codex-inbox -n __codex_inbox_begins -a ${command.name} -d '${summary}'`, ...flags, ...own];
  });
  return `# fish completion of codex-inbox
# The command that was typed; a folder behind -C is none.
function __codex_inbox_command
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if test "$word" = -C
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
            return
        end
    end
end
function __codex_inbox_begins
    set -l name (__codex_inbox_command)
    test -z "$name"
end
function __codex_inbox_is
    set -l name (__codex_inbox_command)
    test "$argv[1]" = "$name"
end
function __codex_inbox_names
    set -l words (commandline -opc)
    set -l dir
    if set -l at (contains -i -- -C $words)
        set dir $words[$at..(math $at + 1)]
    end
    codex-inbox $dir $argv[1] --json 2>/dev/null </dev/null | string replace -rf '^ *"'$argv[2]'": "([^"]*)".*' '$1' | sort -u
end
complete -c codex-inbox -f
complete -c codex-inbox -s C -r -a '(__fish_complete_directories)'
${lines.join("\n")}
`;
}

function fishList(candidates: Candidates): string {
  if (candidates === "tasks") return "-x -a '(__codex_inbox_names ls id)'";
  if (candidates === "sessions") return "-x -a '(__codex_inbox_names sessions key)'";
  return candidates === "files" ? "-r -F" : `-x -a '${candidates.join(" ")}'`;
}
