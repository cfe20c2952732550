# What became of the check at exit: nothing found, leaks found, switched off, not run, and run
# without seeing all are told apart by the text, the exit code and gd_leak_stats. Also when the
# program ends by exit() on some goroutine, and when a thread cannot be stopped.
. "$GD_SRC/tests/support/cli.sh"
export GD_MAXPROCS=2
cc=$GD_BUILD/bin/gdetect-gcc
exits "compile" 0 "$cc" -O1 -g -fgdetect=leak -I"$GD_SRC" "$GD_SRC/tests/cli/leak_states.c" -o states

at_exit='^SUMMARY: gdetect: leak checks: .*; that at exit:'
incomplete='^WARNING: gdetect: the leak check is incomplete: a thread could not be stopped'

# ends NAME CODE HOW [EXIT]: with the option that has all said. quiet: without it.
ends() {
	name=$1 want=$2
	shift 2
	exits "$name" "$want" env GDETECT_OPTIONS=leak_summary=1 ./states "$@"
}
quiet() {
	name=$1 want=$2
	shift 2
	exits "$name" "$want" ./states "$@"
}

ends "nothing" 0 nothing
has "nothing" "$at_exit found nothing$"
has "nothing" ': 1 ran, 0 of them incompletely, 0 did not run;'
quiet "nothing, not asked" 0 nothing
lacks "nothing, not asked" '.'

ends "leaks" 23 leak
has "leaks" "$at_exit found leaks$"

ends "gd_run not called" 0 never
has "gd_run not called" ': 0 ran, 0 of them incompletely, 0 did not run; that at exit: none was made$'

exits "switched off" 0 env GDETECT_OPTIONS=leak_at_exit=0:leak_summary=1 ./states leak
has "switched off" ': 0 ran, .*that at exit: switched off \(leak_at_exit=0\)$'
exits "switched off, not asked" 0 env GDETECT_OPTIONS=leak_at_exit=0 ./states leak
lacks "switched off, not asked" '.'
quiet "stats" 0 stats
has "stats" '^ran 0 failed 0 at_exit 1 every 0$'
exits "stats, switched off" 0 env GDETECT_OPTIONS=leak_at_exit=0:leak_every=5s ./states stats
has "stats, switched off" '^ran 0 failed 0 at_exit 0 every 5000000000$'

ends "no memory" 0 no_memory
has "no memory" 'the leak check did not run: .'
has "no memory" ": 0 ran, 0 of them incompletely, 1 did not run; that at exit: did not run: ."

# exit() on a goroutine, with and without leaks, and by main while others leak.
ends "exit()" 23 exit 3
has "exit()" '^SUMMARY: gdetect: 3 goroutines leaked'
has "exit()" "$at_exit found leaks$"
ends "exit() without leaks" 5 exit_clean 5
has "exit() without leaks" "$at_exit found nothing$"
ends "exit() of main" 23 exit_main
has "exit() of main" '^SUMMARY: gdetect: 3 goroutines leaked'

# What only a thread that did not stop may hold is no proven leak; a nil channel is.
ends "a thread that does not stop" 23 computes
has "a thread that does not stop" '^1 goroutine \[chan receive .nil chan.+ proven stuck'
has "a thread that does not stop" '^3 goroutines \[chan send\] suspect'
has "a thread that does not stop" '^SUMMARY: gdetect: 1 goroutine leaked, 3 suspect'
has "a thread that does not stop" "$incomplete"
has "a thread that does not stop" "$at_exit found leaks, ran incompletely: a thread could not be stopped"
quiet "a thread that does not stop, no leaks" 0 computes_clean
has "a thread that does not stop, no leaks" "$incomplete"
finish
