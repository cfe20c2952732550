#!/bin/sh
# usage: tests/aarch64/run.sh build FOLDER [CMAKE-ARGUMENT...]
#        tests/aarch64/run.sh test FOLDER LAYER [nightly]
# Builds the runtime and its unit tests for AArch64 with Debian's cross compiler, and runs those of
# one layer under qemu-user, case by case; with nightly the cases that the other run leaves out.
# cases.txt lists what is left out. Ends with 77 if a package is missing.
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
what=$1
build=$2
shift 2

for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
	command -v "$tool" >/dev/null 2>&1 || {
		echo "skipped: $tool is not installed (Debian: gcc-aarch64-linux-gnu, qemu-user)"
		exit 77 # CTest shows "Skipped": nothing can be built or run without it
	}
done

configure_and_build() {
	log=$build/build.log
	mkdir -p "$build" || exit 2
	{
		cmake -S "$top" -B "$build" \
			-DCMAKE_TOOLCHAIN_FILE="$top/tests/support/aarch64-linux-gnu.cmake" "$@" &&
			cmake --build "$build" -j 2
	} >"$log" 2>&1 || {
		tail -n 50 "$log"
		exit 1
	}
	echo "built in $build"
}

# listed PROGRAM CASE: prints when this case is run, if that is not always.
listed() {
	while read -r when program case reason; do
		case $when:$1:$2 in
		'#'*) ;;
		# shellcheck disable=SC2254 # they are patterns
		"$when":$program:$case)
			echo "$when"
			return
			;;
		esac
	done <"$top/tests/aarch64/cases.txt"
}

one() {
	program=$1
	case=$2
	exe=$build/tests/unit/unit_$(echo "$program" | tr / _)
	timeout 60 qemu-aarch64 -L /usr/aarch64-linux-gnu "$exe" "$case" >"$out" 2>&1
	code=$?
	ran=$((ran + 1))
	[ $code -eq 0 ] && return
	failed=$((failed + 1))
	echo "FAILED $program $case: $code"
	tail -n 20 "$out" | sed 's/^/    /'
}

run_layer() {
	layer=$1
	now=${2:-}
	ran=0 failed=0 left_out=0
	out=$(mktemp) || exit 2
	trap 'rm -f "$out"' EXIT
	for source in "$top/tests/unit/$layer"/*_test.c; do
		program=$layer/$(basename "$source" _test.c)
		[ -x "$build/tests/unit/unit_$(echo "$program" | tr / _)" ] || continue
		for case in $(sed -n 's/^CASE(\([a-zA-Z0-9_]*\)).*/\1/p' "$source"); do
			if [ "$(listed "$program" "$case")" = "$now" ]; then
				one "$program" "$case"
			else
				left_out=$((left_out + 1))
			fi
		done
	done
	echo "$layer: $ran cases, $failed failed, $left_out left out (tests/aarch64/cases.txt)"
	[ $failed -eq 0 ]
}

case $what in
build) configure_and_build "$@" ;;
test) run_layer "$@" ;;
*)
	echo "usage: $0 build|test FOLDER ..." >&2
	exit 2
	;;
esac
