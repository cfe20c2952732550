#!/bin/sh
# usage: stub.sh NM ARCHIVE... > stub.c
# C source of a library that defines, empty, every __tsan_ and gd_ function of
# the archives. Shared libraries are linked with it so that --no-undefined is
# satisfied; nobody runs it, see docs/design/wrapper.md.
nm=$1
shift
echo "/* Empty definitions of what the program defines at run time. */"
"$nm" --defined-only --extern-only --format=posix "$@" |
	awk '$2 == "T" && $1 ~ /^(__tsan_|gd_[a-z])/ { print "void " $1 "(void); void " $1 "(void) {}" }' |
	sort -u
