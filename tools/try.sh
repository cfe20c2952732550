#!/bin/sh
# usage: tools/try.sh
# From a clean clone to the first reports: installs what is missing, builds, compiles two samples
# with build/bin/gdetect-cc -fgdetect, runs them, and reads the dump of a running program.
# Ends with 0 only if exactly the findings were reported that the samples are made for.
top=$(cd "$(dirname "$0")/.." && pwd) || exit 2
build=$top/build
bin=$build/bin
out=$build/try
failures=0

step() {
	printf '\n== %s\n' "$*"
}

wrong() {
	printf 'WRONG: %s\n' "$*" >&2
	failures=$((failures + 1))
}

# wants FILE REGEX [COUNT]: COUNT lines of FILE match (1 unless said otherwise).
wants() {
	n=$(grep -Ec -- "$2" "$1")
	[ "$n" -eq "${3:-1}" ] || wrong "$1: $n lines match '$2', expected ${3:-1}"
}

step "packages"
sh "$top/tools/setup.sh" || exit 1

step "build (in $build)"
mkdir -p "$out"
{
	cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release &&
		cmake --build "$build" --target gdetect_wrapper gleak
} >"$out/build.log" 2>&1 || {
	cat "$out/build.log"
	exit 1
}
tail -n 1 "$out/build.log"

# compile NAME: with the wrapper, as a user would.
compile() {
	echo "build/bin/gdetect-cc -fgdetect samples/$1.c -o build/try/$1"
	(cd "$top" && "$bin/gdetect-cc" -fgdetect "samples/$1.c" -o "$out/$1") || exit 1
}

# run NAME CODE: its report is shown and kept.
run() {
	"$out/$1" >"$out/$1.out" 2>"$out/$1.err"
	code=$?
	cat "$out/$1.out" "$out/$1.err"
	echo "exit code $code"
	[ $code -eq "$2" ] || wrong "$1: exit code $code, expected $2"
}

step "a goroutine leak"
compile first_leak
run first_leak 23
wants "$out/first_leak.err" 'WARNING:'
wants "$out/first_leak.err" '^WARNING: gdetect: goroutine leak'
wants "$out/first_leak.err" '^2 goroutines \[chan send\] proven stuck'
wants "$out/first_leak.err" 'channel of capacity 0.*made at .*first_leak\.c:'
wants "$out/first_leak.err" 'last receive: by goroutine 1 at .*first_leak\.c:'

step "a data race"
compile timer_race
run timer_race 66
wants "$out/timer_race.err" 'WARNING:'
wants "$out/timer_race.err" '^WARNING: ThreadSanitizer: data race'
wants "$out/timer_race.err" "Location is global 'timer'"
wants "$out/timer_race.err" '(Write|Read) of size 8' 1
wants "$out/timer_race.err" 'Previous (write|read) of size 8' 1

step "a dump of a running program"
compile first_leak_server
dump=$out/first_leak_server.core
rm -f "$dump" "$out/commands"
mkfifo "$out/commands"
"$out/first_leak_server" <"$out/commands" >"$out/server.out" 2>"$out/server.err" &
server=$!
exec 3>"$out/commands"
trap 'exec 3>&-; kill "$server" 2>/dev/null' EXIT
# It leaks first, then says so; a minute is far more than it needs.
tries=0
until grep -q '^ready' "$out/server.out"; do
	tries=$((tries + 1))
	[ $tries -lt 600 ] && kill -0 "$server" 2>/dev/null || {
		cat "$out/server.err"
		wrong "first_leak_server did not start"
		exit 1
	}
	sleep 0.1
done
cat "$out/server.out"
echo "build/bin/gleak dump $server -o build/try/first_leak_server.core"
if ! "$bin/gleak" dump "$server" -o "$dump"; then
	# Containers often forbid ptrace: then the program writes the same dump itself.
	echo "reading a process from outside is not permitted here; gd_dump() instead"
	echo "dump $dump" >&3
	tries=0
	until grep -q '^dumped' "$out/server.out" || [ $tries -ge 600 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	grep -q '^dumped: 0' "$out/server.out" || wrong "gd_dump() failed"
fi
kill -0 "$server" 2>/dev/null || wrong "the program did not survive the dump"
echo "build/bin/gleak report build/try/first_leak_server.core"
"$bin/gleak" report "$dump" >"$out/gleak.out" 2>&1
code=$?
cat "$out/gleak.out"
echo "exit code $code"
[ $code -eq 1 ] || wrong "gleak: exit code $code, expected 1"
wants "$out/gleak.out" '2 goroutines.*chan send.*proven'
wants "$out/gleak.out" 'made at .*first_leak_server\.c:'

step "result"
if [ $failures -gt 0 ]; then
	echo "$failures expectations were not met" >&2
	exit 1
fi
echo "all reports are as expected: a leak of 2 goroutines, a race, and the leak again from a dump"
