# cli.sh - sourced by tests/cli/*_test.sh: a folder to work in, and checks that say what failed.
#
# GD_BUILD and GD_SRC come from CTest. A check that fails prints its name and what it saw;
# the script goes on and `finish` ends it with 1.
: "${GD_BUILD:?the build folder}" "${GD_SRC:?the source folder}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failures=0
checks=0

fail() {
	failures=$((failures + 1))
	printf 'FAILED %s\n' "$1"
	shift
	[ $# -gt 0 ] && printf '%s\n' "$@" | sed 's/^/    /'
	return 1
}

# exits NAME CODE COMMAND...: runs it; $out is what it prints on both streams.
exits() {
	name=$1 want=$2
	shift 2
	checks=$((checks + 1))
	out=$("$@" 2>&1)
	code=$?
	[ $code -eq "$want" ] || fail "$name: exit code $code, expected $want" "$*" "$out"
}

# has NAME REGEX: $out matches. lacks NAME REGEX: it does not.
has() {
	checks=$((checks + 1))
	printf '%s\n' "$out" | grep -Eq -- "$2" || fail "$1: no $2 in" "$out"
}

lacks() {
	checks=$((checks + 1))
	! printf '%s\n' "$out" | grep -Eq -- "$2" || fail "$1: $2 in" "$out"
}

finish() {
	echo "$checks checks, $failures failed"
	[ $failures -eq 0 ]
	exit
}

# The wrappers to test: clang's only where clang is installed.
wrappers=gcc
command -v clang >/dev/null 2>&1 && wrappers="gcc clang"
