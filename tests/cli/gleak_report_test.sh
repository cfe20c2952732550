# gleak on dumps of every origin: gd_dump, gleak dump, the kernel, gcore, compressed ones. All say
# what the program itself says at its end.
. "$GD_SRC/tests/support/cli.sh"
gleak=$GD_BUILD/bin/gleak
sample=$GD_SRC/samples/first_leak_server.c

"$GD_BUILD/bin/gdetect-gcc" -g -fgdetect=leak -o server "$sample" || fail "the server does not build"
gcc -o json "$GD_SRC/tests/cli/gleak_json.c" -ljansson || fail "the JSON check does not build"

# Starts the server with its input on descriptor 3; sets $pid.
start() {
	rm -f in said # or the last one would be taken for this one
	mkfifo in
	./server <in >said 2>said.err &
	server=$!
	exec 3>in
	until grep -q '^ready' said 2>/dev/null; do :; done
	pid=$(sed -n 's/^ready \([0-9]*\):.*/\1/p' said)
}

stop() {
	exec 3>&-
	wait $server
}

start
exits "dump of a live process" 0 "$gleak" dump "$pid" -o live.core
echo "dump $work/own.core" >&3
until grep -q '^dumped' said; do :; done
if command -v gcore >/dev/null; then
	gcore -o gdb "$pid" >/dev/null 2>&1
fi
stop
grep -q '^dumped: 0' said || fail "gd_dump" "$(cat said)"
# From the group's first line to its last: ids, places, advice and fingerprint; not what changes
# with time: ages, and where others are.
group() {
	sed -n '/^[0-9]* goroutine.*chan send/,/fingerprint/p' |
		sed 's/, waiting for .*//; s/; it .*//'
}
group <said.err >at-end

for core in own.core live.core; do
	exits "report of $core" 1 "$gleak" report $core
	printf '%s\n' "$out" | group >from-$core
	cmp -s at-end from-$core || fail "$core says what the process says" "$(diff at-end from-$core)"
	has "summary of $core" '^SUMMARY: gdetect: 2 goroutines leaked$'
	exits "check of $core" 1 "$gleak" check $core
	has "one line" "^$core: proven: 2 goroutines \[chan send\] in search at .*first_leak_server.c:30$"
	exits "JSON of $core" 1 "$gleak" report --format json -o $core.json $core
	exits "schema of $core" 0 ./json $core.json
	has "JSON finding" '^proven unreachable \[chan send\] x2 in search by first cap=0 gd1:[0-9a-f]{32}$'
	has "JSON is complete" '^complete=1$'
	exits "list of $core" 0 "$gleak" list $core
	has "group of senders" '^2 goroutines \[chan send(, [0-9]+ seconds?)?\]: [0-9]+, [0-9]+$'
	has "main" '^start\(\.\.\.\)$'
	exits "list --all of $core" 0 "$gleak" list --all $core
	has "one by one" '^goroutine [0-9]+ \[chan send(, [0-9]+ seconds?)?\] search:$'
done

# Compressed, and moved binaries.
gzip -k own.core
exits "gzip" 1 "$gleak" check own.core.gz
if command -v zstd >/dev/null; then
	zstd -q own.core
	exits "zstd" 1 "$gleak" check own.core.zst
fi
mv server moved
exits "binary not there" 3 "$gleak" report own.core
has "says which" 'note: .*/server is not there'
lacks "no invented names" '^search\(\.\.\.\)'
exits "binary elsewhere" 1 "$gleak" report --exe moved own.core
has "names are back" '^search\(\.\.\.\)'
"$GD_BUILD/bin/gdetect-gcc" -g -O2 -fgdetect=leak -Wl,--build-id -o server "$sample"
exits "another build" 3 "$gleak" report own.core
has "says so" 'note: .*another build'
strip -o server moved
exits "stripped binary" 1 "$gleak" check own.core
mv moved server

# gdb reads it too.
if command -v gdb >/dev/null; then
	out=$(gdb -batch -ex 'info threads' -ex bt server own.core 2>&1)
	has "gdb: threads" '^\* 1 .*gd_dump'
	has "gdb: stack of the caller" 'serve .*first_leak_server.c'
	lacks "gdb: complaints" 'warning: (Unexpected|core|.*truncated)'
fi

# gdb's gcore cannot read past guards in a mapping: it may lose stacks and the records at their tops,
# then nothing is proven.
for core in gdb.*; do
	[ -f "$core" ] || continue
	out=$("$gleak" check "$core" 2>&1)
	case $? in
	1) has "gcore, whole" 'proven: 2 goroutines' ;;
	3) has "gcore, said" 'does not hold the stacks of|records cannot be read' && lacks "gcore" 'proven|nil channel' ;;
	*) fail "gcore" "$out" ;;
	esac
done

# Memory that only gd_leak_add_root makes known keeps a goroutine off the list, in a core as well.
cat >root.c <<'END'
#include <gdetect/gdetect.h>
#include <gdetect/leak.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
typedef gd_chan_of(int) int_chan;
struct wait_args { int_chan c; };
static void wait(struct wait_args *a) { gd_chan_recv(a->c, NULL); }
static void __attribute__((noinline)) make(void **shared)
{
	int_chan c = gd_chan_make(int_chan, 0);
	*shared = c.raw;
	gd_go(wait, .c = c);
}
static void start(void *arg)
{
	char **argv = arg;
	/* Not by mmap: what is mapped by that is known. */
	void **shared = (void **)syscall(SYS_mmap, 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (argv[2])
		gd_leak_add_root(shared, 4096);
	make(shared);
	gd_sleep(20 * GD_MILLISECOND);
	gd_dump(argv[1]);
}
int main(int argc, char **argv) { return gd_run(start, argv); }
END
"$GD_BUILD/bin/gdetect-gcc" -g -fgdetect=leak -o root root.c || fail "root.c does not build"
./root unknown.core 2>/dev/null
./root known.core known 2>/dev/null
exits "unknown memory" 1 "$gleak" check unknown.core
has "unknown memory" 'proven: 1 goroutine \[chan receive\] in wait'
exits "registered memory" 0 "$gleak" check known.core

# A goroutine that has not run yet stands in its function, in a core and in the program.
cat >fresh.c <<'END'
#include <gdetect/gdetect.h>
#include <gdetect/leak.h>
struct later_args { int n; };
static void later(struct later_args *a) { a->n++; }
static void start(void *path) { gd_go(later); gd_stacks(2); gd_dump(path); }
int main(void) { return gd_run(start, "fresh.core"); }
END
"$GD_BUILD/bin/gdetect-gcc" -g -fgdetect=leak -o fresh fresh.c || fail "fresh.c does not build"
exits "fresh" 0 env GD_MAXPROCS=1 ./fresh
has "fresh, in the program" '^later\(\.\.\.\)$'
exits "fresh, in a core" 0 "$gleak" list fresh.core
has "fresh, in a core" '^later\(\.\.\.\)$'
lacks "fresh, in a core" 'could not be followed'

# A core of the kernel, where it writes to the working directory.
if [ "$(cat /proc/sys/kernel/core_pattern)" = core ] && ulimit -c unlimited 2>/dev/null; then
	start
	kill -ABRT "$pid"
	wait $server 2>/dev/null # before its input ends, or it might end by itself
	exec 3>&-
	core=$(ls core core.* 2>/dev/null | head -1)
	[ -n "$core" ] || fail "no core of the kernel"
	exits "core of the kernel" 1 "$gleak" check "$core"
	has "finding in it" 'proven: 2 goroutines \[chan send\] in search'
fi
finish
