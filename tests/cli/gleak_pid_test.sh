# gleak --pid: a process that goes on, and all the ways in which one cannot be looked at.
. "$GD_SRC/tests/support/cli.sh"
gleak=$GD_BUILD/bin/gleak

"$GD_BUILD/bin/gdetect-gcc" -g -fgdetect=leak -o server "$GD_SRC/samples/first_leak_server.c" ||
	fail "the server does not build"

# start COMMAND: with its input on descriptor 3; sets $server and, from its word, $pid.
start() {
	rm -f in said
	mkfifo in
	"$@" <in >said 2>said.err &
	server=$!
	exec 3>in
	until grep -q '^ready' said 2>/dev/null; do kill -0 $server || break; done
	pid=$(sed -n 's/^ready \([0-9]*\).*/\1/p' said)
}

stop() {
	exec 3>&-
	wait $server 2>/dev/null
}

one_line() {
	checks=$((checks + 1))
	[ "$(printf '%s\n' "$out" | wc -l)" -eq 1 ] || fail "$name: more than a line" "$out"
	has "$name" "^gleak: .*$1"
}

# It is looked at, and goes on.
start ./server
exits "check" 1 "$gleak" check --pid "$pid"
has "check" "^process $pid: proven: 2 goroutines .chan send. in search at .*first_leak_server.c:30"
exits "report" 1 "$gleak" report --pid "$pid"
has "report" '^2 goroutines .chan send. proven stuck'
exits "report as JSON" 1 "$gleak" report --format json --pid "$pid"
has "report as JSON" '"ran": true' && has "report as JSON" "\"source\": \"process $pid\""
exits "list" 0 "$gleak" list --pid "$pid"
has "list" '^2 goroutines .chan send'
exits "why" 1 "$gleak" why --pid "$pid" 3
has "why" 'goroutine 3 .chan send'
exits "a core and a process" 2 "$gleak" report --pid "$pid" core
exits "several" 3 "$gleak" check --pid "$pid" --pid "$pid" nowhere
has "several" '^process .*proven' && has "several" 'nowhere: No such file'
echo "check" >&3
until grep -q 'SUMMARY' said.err; do kill -0 $server || break; done
checks=$((checks + 1))
grep -q 'SUMMARY: gdetect: 2 goroutines leaked' said.err || fail "it does not go on" "$(cat said.err)"

# Somebody else's.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$work"
	exits "of somebody else" 3 setpriv --reuid=65534 --clear-groups "$gleak" check --pid "$pid"
	one_line "not allowed to stop process $pid: .*ptrace"
else
	echo "skipped: a process of somebody else: not root, or no setpriv"
fi
stop

# Gone, never there, or no program of ours.
exits "has ended" 3 "$gleak" check --pid "$pid"
one_line "there is no process $pid"
exits "as JSON" 3 "$gleak" report --format json --pid "$pid"
has "as JSON" '"ran": false' && has "as JSON" '"why": "there is no process'
exits "no number" 2 "$gleak" check --pid server
one_line "'server' is no process id"
exits "0" 2 "$gleak" list --pid 0
one_line "'0' is no process id"
sh -c 'sleep 0 & echo $!; exec sleep 60' >dead &
parent=$!
until [ -s dead ] && grep -q '^State:.Z' "/proc/$(cat dead)/status"; do :; done
exits "not waited for" 3 "$gleak" check --pid "$(cat dead)"
one_line 'has ended'
exits "without gdetect" 3 "$gleak" check --pid $parent
one_line 'runs no program with gdetect'
kill $parent

# gleak is killed while it holds the process.
cat >big.c <<'END'
#include <gdetect/gdetect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void start(void *arg)
{
	size_t n = (size_t)256 << 20;
	char *p = malloc(n), c;

	memset(p, 1, n);
	printf("ready %d\n", getpid());
	fflush(stdout);
	while (gd_syscall(read(0, &c, 1)) == 1) {
		printf("alive %c\n", c);
		fflush(stdout);
	}
}
int main(void) { return gd_run(start, NULL); }
END
"$GD_BUILD/bin/gdetect-gcc" -g -fgdetect=leak -o big big.c || fail "the big one does not build"
start ./big
"$gleak" check --pid "$pid" >killed 2>&1 &
victim=$!
until grep -q '^State:.t' "/proc/$pid/status" || ! kill -0 $victim 2>/dev/null; do :; done
kill -9 $victim
wait $victim 2>/dev/null
echo >&3
checks=$((checks + 1))
timeout 10 sh -c "until grep -q alive said; do :; done" || fail "it stays stopped"
checks=$((checks + 1))
grep -q '^State:.t' "/proc/$pid/status" && fail "it is held by nobody"
stop
finish
