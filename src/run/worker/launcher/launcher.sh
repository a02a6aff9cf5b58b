# Starts the workers of a coordinator. It is read from standard input, and so are the requests that follow, as commands of the shell
# (launcher.ts writes them); what became of each is said on descriptor 3. It ends with its input. What it has started goes on.
#
#   start NUMBER DIRECTORY STDERR NAME=VALUE... -- COMMAND [ARGUMENT...]     says "started NUMBER PID" or "failed NUMBER"
#   wait PID...                                                              for what has ended: it is a zombie until then
#
# A worker inherits descriptor 3, and says "ended PID" there itself (shim.sh).

say() { printf '%s\n' "$*" >&3; }

# A shell lets what it starts in the background ignore SIGINT, by which a run is stopped. Bash takes that back when it is told to;
# dash and ash do not, and there it takes an `env` that can (coreutils 8.31). Where there is none this launcher is of no use.
hears_interrupts() {
  trap - INT QUIT
  while read -r key value; do
    if [ "$key" = SigIgn: ]; then
      case $value in *[0189]) return 0 ;; *) return 1 ;; esac
    fi
  done </proc/self/status
  return 1
}
launcher_setsid=$(command -v setsid) || exit 69
launcher_env=
hears_interrupts &
if ! wait "$!"; then
  launcher_env=$(command -v env) || exit 69
  "$launcher_env" --default-signal=INT,QUIT true || exit 69
fi

launcher_mask=$(umask)
umask 077

become() {
  umask "$launcher_mask"
  trap - INT QUIT
  shift 3
  unset PATH PWD OLDPWD SHLVL
  while [ "$1" != -- ]; do export "$1"; shift; done
  shift
  exec ${launcher_env:+"$launcher_env" --default-signal=INT,QUIT} "$launcher_setsid" "$@"
}

# The folder and the file are opened before there is a process, so that "started" means a worker.
start() {
  if cd -P -- "$2" && { become "$@" & } 2>>"$3"; then say started "$1" "$!"; else say failed "$1"; fi
  cd /
}

say ready
