#!/bin/sh
# usage: paths.sh FILE...
# Fails when a file holds a path of somebody's machine, a package host or a name of a private
# tool. The patterns are written so that this file does not match itself.
home='/(wor[k]|roo[t]|hom[e]|User[s]|far[m])/'
hosts='(deb|registry|pypi|crates|proxy)[.](debian|npmjs|python|io|org|golang)'
temp='/tmp/[a-z0-9]'

found=$(grep -nIE "$home|$hosts|bash_job[s]|[.]librar[y]/" "$@" /dev/null)
# In the tests and the build, temporary files come from mktemp.
found="$found$(grep -nIE "(^|[^a-zA-Z0-9_])$temp" "$@" /dev/null | grep -vE '^docs/|mktemp')"
[ -z "$found" ] && exit 0
printf '%s\n' "$found" | sed 's/$/   <- a path of one machine/'
exit 1
