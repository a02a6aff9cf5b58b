#!/bin/sh
# The worker of one run: /bin/sh shim.sh RUN-DIRECTORY [OUTPUT] -- COMMAND [ARGUMENT...]
#
# OUTPUT is the name of the file in the run's directory that takes the command's standard output, events.jsonl unless given.
#
# It claims the run, runs the command with files for its streams, and records how it ended. It outlives the coordinator, so
# nothing of the run passes through that process. A shell and not Node, because one of these waits beside every agent; and
# nothing but built-in commands, because each program costs as much as the shell itself.
#
# The times of the claim and of the exit are the modification times of their files.

run=$1
output=events.jsonl
if [ "$2" != -- ]; then output=$2; shift; fi
shift 2

# A signal to this process must not end it before the exit is recorded. The command gets the default back.
trap : INT TERM HUP

# The launcher's descriptor (launcher.sh); there is none where the coordinator has started this itself.
end() {
  { printf 'ended %s\n' "$$" >&3; } 2>/dev/null
  exit "$1"
}

take_start_ticks() { shift 19; ticks=$1; }

read -r stat <"/proc/$$/stat"
take_start_ticks ${stat##*) }
read -r boot </proc/sys/kernel/random/boot_id
mask=0022
while read -r key value; do
  if [ "$key" = Umask: ]; then mask=$value; break; fi
done <"/proc/$$/status"
umask 077

# The claim is a file that only one can create (-C opens with O_EXCL): a second worker, or one that comes after the
# coordinator has given the run up, ends here without running anything.
set -C
{ printf '{"v":1,"pid":%s,"startTicks":"%s","bootId":"%s"}\n' "$$" "$ticks" "$boot" >"$run/claim"; } 2>/dev/null || end 75
set +C

# Here and not by the coordinator, for which each file that it makes counts. They are for the owner alone: codex would make its copy
# of the answer readable for all, and what is there keeps its mode.
printf '' >>"$run/$output"
if [ "$output" = events.jsonl ]; then printf '' >>"$run/last-message.md"; fi
umask "$mask"

"$@" <"$run/prompt.md" >>"$run/$output" 2>>"$run/stderr.log" 3>&-
code=$?

# One short write: a reader sees all of it or an empty file, which is no record yet.
umask 077
printf '{"v":1,"exitCode":%s}\n' "$code" >"$run/exit.json"
end 0
