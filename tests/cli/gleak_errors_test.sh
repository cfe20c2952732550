# gleak and gd_dump when something is wrong: one clear line, the right exit code, no file lost.
. "$GD_SRC/tests/support/cli.sh"
gleak=$GD_BUILD/bin/gleak

# One line on stderr, begun by the program's name.
one_line() {
	checks=$((checks + 1))
	[ "$(printf '%s\n' "$out" | wc -l)" -eq 1 ] || fail "$name: more than a line" "$out"
	has "$name" '^gleak: '
}

"$GD_BUILD/bin/gdetect-gcc" -g -fgdetect=leak -o server "$GD_SRC/samples/first_leak_server.c" ||
	fail "the server does not build"
echo "dump $work/core" | ./server >/dev/null 2>&1
[ -s core ] || fail "no dump"

# Usage.
exits "version" 0 "$gleak" --version
has "version" '^gleak [0-9]+\.[0-9]+'
exits "help" 0 "$gleak" --help
for cmd in report list check dump; do
	has "help names $cmd" "^  $cmd "
done
for cmd in report list check dump; do
	exits "$cmd --help" 0 "$gleak" $cmd --help
	has "$cmd: examples" '^Examples:'
	printf '%s\n' "$out" >by-option
	exits "help $cmd" 0 "$gleak" help $cmd
	[ "$out" = "$(cat by-option)" ] || fail "help $cmd and $cmd --help differ"
	exits "$cmd: unknown option" 2 "$gleak" $cmd --nonsense x
	one_line && has "$cmd: which" "'--nonsense'"
	exits "$cmd: nothing to do" 2 "$gleak" $cmd
	one_line
done
exits "no command" 2 "$gleak"
one_line
exits "unknown command" 2 "$gleak" frobnicate
one_line && has "which" "'frobnicate'"
exits "help of nothing" 2 "$gleak" help frobnicate
one_line
exits "unknown option before" 2 "$gleak" --frobnicate
one_line
exits "option without its value" 2 "$gleak" report core --exe
one_line && has "which" "'--exe' needs a value"
exits "unknown short option" 2 "$gleak" report -x core
one_line && has "which" "'-x'"
exits "unknown format" 2 "$gleak" report --format xml core
one_line
exits "two cores for one report" 2 "$gleak" report core core
one_line

# Inputs that are no cores of ours.
: >empty
echo "hello" >text
head -c 20 core >twenty
head -c 300 core >headers-cut
head -c 20000 core >data-cut
cat >plain.c <<'END'
#include <stdlib.h>
int main(void) { abort(); }
END
gcc -o plain plain.c
cp --sparse=always core other
# The build follows the magic, the version and the size in the anchor.
at=$(LC_ALL=C grep -aboP 'detect\xc2\xa7anchor' other | head -1 | cut -d: -f1)
printf '99.0' | dd of=other bs=1 seek=$((at + 14 + 8)) conv=notrunc 2>/dev/null

try() {
	for cmd in report list check; do
		exits "$cmd $1" 3 "$gleak" $cmd "$1"
		one_line && has "$cmd $1" "$2"
	done
}
try nowhere 'nowhere: No such file'
try "$work" 'is a directory'
try empty 'empty: is empty'
try text 'text: is not an ELF file'
try twenty 'twenty: is cut off in the ELF header'
try headers-cut 'headers-cut: is cut off in the program headers'
try data-cut 'data-cut: is cut off before the data'
try server 'server: is an ELF file but not a core'
try other 'other: comes from a program with gdetect 99\.0'
if [ "$(cat /proc/sys/kernel/core_pattern)" = core ] && ulimit -c unlimited 2>/dev/null; then
	mkdir foreign
	(cd foreign && ../plain 2>/dev/null; true) 2>/dev/null
	mv foreign/core* plain.core
	try plain.core 'plain.core: is a core of a program without gdetect'
fi

# Cut in the memory: what is there is read, and nobody may call it clean.
size=$(stat -c %s core)
cp --sparse=always core cut
truncate -s $((size / 2)) cut
exits "half a core" 3 "$gleak" check cut
has "half a core" 'cut off'

# Several inputs: all are looked at, the worst counts.
exits "worst of several" 3 "$gleak" check empty core text
has "the good one is there" '^core: proven: '
has "the last one too" '^gleak: text: '
exits "findings in one" 1 "$gleak" check core core

# Output.
echo old >kept
exits "report to a file" 1 "$gleak" report -o out.txt core
has "nothing on the terminal" '^$'
grep -q '^SUMMARY' out.txt || fail "the report is in the file"
exits "no such folder" 3 "$gleak" report -o nowhere/out core
one_line
exits "unreadable input keeps the output" 3 "$gleak" report -o kept empty
[ "$(cat kept)" = old ] || fail "kept was overwritten"
if [ -c /dev/full ]; then
	exits "full disk, standard output" 3 sh -c "'$gleak' report core >/dev/full"
	has "full disk" 'cannot write standard output'
	exits "full disk, list" 3 sh -c "'$gleak' list core >/dev/full"
	exits "full disk, check" 3 sh -c "'$gleak' check core >/dev/full"
fi

# Dumps of live processes.
mkfifo in
./server <in >said 2>/dev/null &
server=$!
exec 3>in
until grep -q '^ready' said; do :; done
sleep 1000 &
foreign=$!
exits "no process id" 2 "$gleak" dump x1 -o new
one_line
exits "no file" 2 "$gleak" dump $server
one_line
exits "no such process" 3 "$gleak" dump 2147483646 -o new
one_line && has "which" 'no process 2147483646'
exits "a process without gdetect" 3 "$gleak" dump $foreign -o new
one_line
exits "no such folder" 3 "$gleak" dump $server -o nowhere/new
one_line && has "which" 'nowhere/new: No such file'
exits "a folder" 3 "$gleak" dump $server -o "$work"
one_line
exits "a device" 3 "$gleak" dump $server -o /dev/null
one_line
[ -c /dev/null ] || fail "/dev/null was replaced"
exits "limit of file size" 3 sh -c "ulimit -f 100; exec '$gleak' dump $server -o kept"
one_line && has "which" 'File too large'
[ "$(cat kept)" = old ] || fail "kept was overwritten by a dump that failed"
[ -z "$(ls -- *.tmp~ 2>/dev/null)" ] || fail "a temporary file is left" "$(ls -- *.tmp~)"
mkdir small
if mount -t tmpfs -o size=128k none small 2>/dev/null; then
	echo old >small/kept
	exits "full disk" 3 "$gleak" dump $server -o small/kept
	one_line && has "which" 'No space left'
	[ "$(cat small/kept)" = old ] || fail "small/kept was overwritten"
	[ ! -e small/kept.tmp~ ] || fail "a temporary file is left"
	echo "dump $work/small/kept" >&3
	until grep -q '^dumped' said; do :; done
	grep -q '^dumped: -7' said || fail "gd_dump on a full disk" "$(cat said)"
	[ "$(cat small/kept)" = old ] || fail "gd_dump: small/kept was overwritten"
	umount small
fi
exits "the process goes on" 0 "$gleak" dump $server -o kept
exits "and is replaced when whole" 1 "$gleak" check kept
kill $foreign
exec 3>&-
wait $server

# gd_dump under a limit of file size: an error, not the end.
out=$( (ulimit -f 100; echo "dump $work/limited" | ./server) 2>/dev/null)
has "gd_dump under a limit" '^dumped: -7'
[ ! -e limited ] && [ ! -e limited.tmp~ ] || fail "gd_dump leaves a file behind"
finish
