#!/bin/sh
# One file with every construct, instrumented by each compiler at hand and at each level, links
# with our archives alone and runs: no entry point is missing and each does what it says.
set -eu
source=$GD_SRC/tests/unit/race/abi/constructs.c
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
libs="-Wl,--start-group $GD_BUILD/lib/libgdetect_race.a $GD_BUILD/lib/libgdetect_detect.a
	$GD_BUILD/lib/libgdetect.a -Wl,--end-group $(pkg-config --libs jemalloc) -lpthread -ldl"
tried=0

# try COMPILER FLAG...: what is linked is ours and libc, so any compiler may do it.
try()
{
	command -v "$1" > /dev/null || return 0
	"$@" -g -mcx16 -fsanitize=thread -c "$source" -o "$dir/o.o"
	# shellcheck disable=SC2086
	${CC:-cc} -o "$dir/program" "$dir/o.o" $libs
	"$dir/program" || { echo "failed: $*"; exit 1; }
	tried=$((tried + 1))
}

for compiler in gcc-12 clang-14 clang-16 clang-19; do
	for level in -O0 -O1 -O2 -O3; do
		try "$compiler" "$level"
	done
done
try gcc-12 -O2 --param tsan-distinguish-volatile=1 -fno-builtin-memset -fno-builtin-memcpy
try clang-14 -O2 -mllvm -tsan-distinguish-volatile=1
try clang-19 -O2 -mllvm -tsan-distinguish-volatile=1
try clang-19 -O2 -mllvm -tsan-compound-read-before-write=1
echo "$tried programs"
[ "$tried" -gt 0 ]
