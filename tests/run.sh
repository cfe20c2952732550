#!/bin/sh
# usage: tests/run.sh [CTEST-ARGUMENT...]     BUILD=folder JOBS=n CC=compiler are taken from the environment
# Installs what is missing, configures, builds and runs the tests. Labels stress, fuzz, bench
# and nightly are left out unless arguments choose the tests (for example -L stress, -R sample).
top=$(cd "$(dirname "$0")/.." && pwd) || exit 2
build=${BUILD:-$top/build}
jobs=${JOBS:-$(nproc)}

step() {
	echo "== $*"
}

step "packages"
sh "$top/tools/setup.sh" tests || exit 1
step "configure ($build)"
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$log" 2>&1 || {
	cat "$log"
	exit 1
}
step "build ($jobs jobs)"
# A line now and then for people, all of it when something is wrong.
cmake --build "$build" -j "$jobs" >"$log" 2>&1 || {
	grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Generating|gdetect-)' "$log"
	exit 1
}
tail -n 1 "$log"
step "test"
cd "$build" || exit 2
if [ $# -eq 0 ]; then
	ctest -j "$jobs" --progress --output-on-failure -LE 'stress|fuzz|bench|nightly'
else
	ctest -j "$jobs" --progress --output-on-failure "$@"
fi
