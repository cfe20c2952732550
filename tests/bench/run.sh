#!/bin/sh
# usage: tests/bench/run.sh [OPTION...]       BUILD=folder is taken from the environment
#   -r N          rounds (7)
#   -b REGEX      only rows of rows.txt whose id matches
#   -i NAMES      only these programs, in quotes: "gdetect go fiber st epoll"
#   -p NAME=FILE  one more program, for example bench-gdetect of another build; FILE-echo is
#                 its server, if there is one
#   -o FILE       the JSON (BUILD/tests/bench/bench.json)
#   -q            quick: one round, little work; shows that all of it runs, the figures say nothing
#   --check       end with 1 if a bar is missed
# Measures this library, Go, two C/C++ peers and bare epoll side by side: in each round every row is run by
# each program in turn, as a process of its own. docs/TESTING.md says how to read the table.
bench=$(cd "$(dirname "$0")" && pwd) || exit 2
top=$(cd "$bench/../.." && pwd) || exit 2
build=${BUILD:-$top/build}
out=$build/tests/bench
rounds=7 filter=. programs="gdetect go fiber st epoll" more= json= quick= check=
c="-std=gnu11 -D_GNU_SOURCE"
no_row=3 # what a program ends with that has no such row, as in measure.h
slow_s=8 # a program that needs longer for a row runs it once, not in every round

usage() {
	sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

say() {
	echo "bench: $*" >&2
}

while [ $# -gt 0 ]; do
	case $1 in
	-q) quick=1 rounds=1 ;;
	--check) check=1 ;;
	-[rbipo])
		[ $# -ge 2 ] || usage
		case $1 in
		-r) rounds=$2 ;;
		-b) filter=$2 ;;
		-i) programs=$2 ;;
		-p) more="$more $2" ;;
		-o) json=$2 ;;
		esac
		shift
		;;
	*) usage ;;
	esac
	shift
done
case $rounds in '' | *[!0-9]* | 0) usage ;; esac
json=${json:-$out/bench.json}

# --- the programs ---

logged() {
	"$@" >"$out/build.log" 2>&1 || {
		cat "$out/build.log" >&2
		say "failed: $*"
		exit 1
	}
}

# compile TARGET SOURCE COMPILER [LIBRARY...]: unless target is newer than source and measure.h
compile() {
	target=$out/$1 source=$bench/$2 compiler=$3
	shift 3
	# shellcheck disable=SC2086
	[ -z "$(find "$source" "$bench/measure.h" -newer "$target" 2>&1)" ] ||
		logged $compiler -O2 -Wall -Wextra -Werror -I"$top" -o "$target" "$source" "$@"
}

# As a user builds: the wrapper, -O2, the leak detector linked and no hooks installed.
build_gdetect() {
	[ -f "$build/CMakeCache.txt" ] ||
		logged cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release
	logged cmake --build "$build" --target runtime/all detector/all tools/cc/all
	rm -f "$out/bench-gdetect" "$out/bench-gdetect-echo"
	wrapper="$build/bin/gdetect-gcc -fgdetect=leak $c"
	compile bench-gdetect gdetect.c "$wrapper"
	rm -f "$out/bench-gdetect-leak"
	compile bench-gdetect-leak leak.c "$wrapper"
	compile bench-gdetect-echo ../../samples/echo_server.c "$wrapper"
	version_gdetect="$(gcc --version | head -n 1), $(
		sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=/build type /p' "$build/CMakeCache.txt"
	), commit $(git -C "$top" rev-parse --short HEAD 2>/dev/null || echo unknown)"
}

build_go() {
	command -v go >/dev/null 2>&1 || {
		say "go: not found, column left out"
		return 1
	}
	version_go=$(go version)
	logged env GO111MODULE=off go build -o "$out/bench-go" "$bench"/go/*.go
	logged env GO111MODULE=off go build -o "$out/bench-go-echo" "$bench"/go/echo/*.go
	env GO111MODULE=off GOEXPERIMENT=goroutineleakprofile go build \
		-o "$out/bench-go-leak" "$bench"/go/leak/*.go 2>/dev/null ||
		say "go: has no goroutineleakprofile, its leak rows are left out"
}

# can_build NAME HEADER COMPILER
can_build() {
	echo "#include <$2>" | $3 -E - >/dev/null 2>&1 && return
	say "$1: <$2> or ${3%% *} not found, column left out"
	return 1
}

build_fiber() {
	can_build fiber boost/fiber/all.hpp "g++ -x c++" || return
	version_fiber=$(dpkg-query -W -f 'Boost.Fiber ${Version}' libboost-fiber1.74-dev 2>/dev/null)
	compile bench-fiber peers/fiber.cc "g++ -std=gnu++17" -lboost_fiber -lboost_context -lpthread
}

build_st() {
	can_build st st.h "gcc -x c" || return
	version_st=$(dpkg-query -W -f 'State Threads ${Version}' libst-dev 2>/dev/null)
	compile bench-st peers/st.c "gcc $c" -lst
	compile bench-st-echo peers/st_echo.c "gcc $c" -lst
}

build_epoll() {
	version_epoll="the floor of echo: epoll_server.c, one thread"
	compile bench-epoll-echo echo/epoll_server.c "gcc $c"
}

build_all() {
	names=
	compile echo-client echo/client.c "gcc $c"
	for name in $programs; do
		case $name in
		gdetect | go | fiber | st | epoll) ;;
		*) usage ;;
		esac
		"build_$name" && names="$names $name"
	done
	for pair in $more; do
		case $pair in
		*=*) ;;
		*) usage ;;
		esac
		file=$(readlink -f "${pair#*=}") name=${pair%%=*}
		ln -sf "$file" "$out/bench-$name"
		ln -sf "$file-echo" "$out/bench-$name-echo"
		names="$names $name"
	done
}

# --- the runs ---

# The CPUs this process may use, one by one.
list_cpus() {
	taskset -cp $$ 2>/dev/null | sed 's/.*: //' | tr ',' '\n' |
		awk -F- '{ for (i = $1; i <= $NF; i++) print i }'
}

# A program with one P gets one CPU, so that its helper threads and its collector cost what they
# cost; which one changes from round to round. one_cpu NUMBER
one_cpu() {
	# shellcheck disable=SC2086
	set -- $1 $cpus
	[ $# -gt 1 ] || return
	shift $((1 + $1 % ($# - 1)))
	echo "taskset -c $1"
}

# echo_trips ROUND PROGRAM CONNECTIONS PROCS: a server with one P has one CPU, the client the next.
# Each server has a port of its own: the one before may not be gone yet.
echo_trips() {
	here='' there=''
	[ "$4" -ne 1 ] || here=$(one_cpu "$1") there=$(one_cpu $(($1 + 1)))
	GD_MAXPROCS=$4 GOMAXPROCS=$4 $here "$out/bench-$2-echo" $port >/dev/null &
	server=$!
	BENCH_MS=${quick:+20} $there timeout 60 "$out/echo-client" $port "$3"
	code=$?
	kill $server 2>/dev/null
	wait $server 2>/dev/null
	return $code
}

# value_of ROUND PROGRAM ROW N PROCS
value_of() {
	size=$4 pin=
	[ "$size" != - ] || size=
	[ -z "$quick" ] || [ -z "$size" ] || size=$(((size + 999) / 1000))
	if [ "$3" = echo ]; then
		[ -x "$out/bench-$2-echo" ] || return $no_row
		echo_trips "$1" "$2" "$size" "$5"
		return
	fi
	program=$out/bench-$2
	case $3 in leak-* | malloc*) program=$program-leak ;; esac
	[ -x "$program" ] || return $no_row
	[ "$5" -ne 1 ] || pin=$(one_cpu "$1")
	# shellcheck disable=SC2086
	BENCH_MS=${quick:+2} GD_MAXPROCS=$5 GOMAXPROCS=$5 $pin timeout 120 "$program" "$3" $size
}

# sample ROUND PROGRAM ID ROW N PROCS: adds a line "id program value" to the samples.
sample() {
	[ ! -f "$work/skip.$2.$3" ] || return 0
	began=$(date +%s) port=$((port < 29999 ? port + 1 : 20000))
	value=$(value_of "$1" "$2" "$4" "$5" "$6")
	code=$?
	if [ $code -eq 0 ]; then
		echo "$3 $2 $value" >>"$work/samples"
		[ $(($(date +%s) - began)) -gt $slow_s ] || return 0
	elif [ $code -ne $no_row ]; then
		say "$2 $3: exit code $code"
		failed=1
	fi
	: >"$work/skip.$2.$3"
}

run_rounds() {
	round=0
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		say "round $round of $rounds"
		while read -r id row n procs _ <&3; do
			for name in $names; do
				sample $round "$name" "$id" "$row" "$n" "$procs"
			done
		done 3<"$work/rows"
	done
}

# --- the report ---

meta() {
	echo "date $(date -u +%Y-%m-%dT%H:%M:%SZ)"
	echo "cpu $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	echo "cpus $(nproc)"
	echo "kernel $(uname -r)"
	echo "load_before $load_before"
	echo "load_after $(cut -d' ' -f1-3 /proc/loadavg)"
	echo "rounds $rounds"
	for name in $names; do
		eval "echo \"version_$name \${version_$name:-given with -p}\""
	done
}

report() {
	awk -v format="$1" -v programs="$names" -f "$bench/report.awk" \
		"$work/meta" "$work/rows" "$work/samples"
}

mkdir -p "$out" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed= port=$((20000 + $$ % 9999))
cpus=$(list_cpus)
load_before=$(cut -d' ' -f1-3 /proc/loadavg)
[ -n "$cpus" ] || say "taskset: not found, programs with one P are not bound to a CPU"
: >"$work/samples"
awk -v filter="$filter" '!/^#/ && NF && $1 ~ filter' "$bench/rows.txt" >"$work/rows"
[ -s "$work/rows" ] || { say "no row matches $filter"; exit 2; }

# shellcheck disable=SC3045
ulimit -n "$(ulimit -Hn)" 2>/dev/null # each of 10,000 connections is a descriptor
# After the measurement; and a check of the million that are parked takes its seconds.
export GDETECT_OPTIONS=leak_at_exit=0

build_all
run_rounds
meta >"$work/meta"
report json >"$json" || exit 2
report table
missed=$?
[ -z "$failed" ] || exit 2
[ -z "$check" ] || exit $missed
