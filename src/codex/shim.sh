#!/bin/sh
# The worker of one run: /bin/sh shim.sh RUN-DIRECTORY -- COMMAND [ARGUMENT...]
#
# It claims the run, runs the command with files for its streams, and records how it ended. It outlives the coordinator, so
# nothing of the run passes through that process. A shell and not Node, because one of these waits beside every agent.
#
# The times of the claim and of the exit record are the modification times of their files.

run=$1
shift 2

# A signal to this process must not end it before the exit is recorded. The command gets the default back.
trap : INT TERM HUP

take_start_ticks() { shift 19; ticks=$1; }

read -r stat <"/proc/$$/stat"
take_start_ticks ${stat##*) }
read -r boot </proc/sys/kernel/random/boot_id

# The claim is a link, and a link can be made once: a second worker, or one that comes after the coordinator has given the
# run up, ends here without running anything.
(
  umask 077
  printf '{"v":1,"pid":%s,"startTicks":"%s","bootId":"%s"}\n' "$$" "$ticks" "$boot" >"$run/claim.$$"
) && ln "$run/claim.$$" "$run/claim" 2>/dev/null
claimed=$?
rm -f "$run/claim.$$"
[ "$claimed" -eq 0 ] || exit 75

"$@" <"$run/prompt.md" >>"$run/events.jsonl" 2>>"$run/stderr.log"
code=$?

umask 077
printf '{"v":1,"exitCode":%s}\n' "$code" >"$run/exit.$$" && mv -f "$run/exit.$$" "$run/exit.json"
