# libgdetect_libc under each detector and each way to link it: one P, so what does not park hangs.
. "$GD_SRC/tests/support/cli.sh"

cat > app.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

static int ends[2], quiet[2];
static int plain, wanted;
static gd_waitgroup all;

static void reader(void *arg)
{
	char buf[64];
	size_t n = (size_t)atoi(arg); /* unknown to the compiler: _FORTIFY_SOURCE checks it */

	if (read(ends[0], buf, n) == 1 && plain != wanted)
		puts("the write came before");
	gd_waitgroup_done(&all);
}

static void stuck(void *arg)
{
	char c;

	if (read(quiet[0], &c, 1) != 1 && errno == EINTR)
		puts("interrupted");
}

static void start(void *arg)
{
	static char one[] = "1";

	gd_waitgroup_add(&all, 1);
	if (pipe(ends) != 0 || pipe(quiet) != 0)
		abort();
	gd_go_fn(reader, one);
	gd_go_fn(stuck, NULL);
	gd_yield();
	plain = wanted = 7; /* ordered by the pipe */
	if (write(ends[1], "x", 1) != 1)
		abort();
	gd_waitgroup_wait(&all);
	usleep(1000);
	puts("done");
	fflush(stdout);
}

int main(void)
{
	gd_set_procs(1);
	return gd_run(start, NULL);
}
END

cat > race.c <<'END'
#include <unistd.h>

#include <gdetect/gdetect.h>

static int ends[2];
static int shared;

static void other(void *arg)
{
	char c;

	shared = 1; /* before the read: ordered with nothing */
	if (read(ends[0], &c, 1) == 1)
		gd_waitgroup_done(arg);
}

static void start(void *arg)
{
	static gd_waitgroup all;

	gd_waitgroup_add(&all, 1);
	if (pipe(ends) != 0)
		return;
	gd_go_fn(other, &all);
	usleep(1000);
	shared = 2;
	if (write(ends[1], "x", 1) == 1)
		gd_waitgroup_wait(&all);
}

int main(void)
{
	gd_set_procs(1);
	return gd_run(start, NULL);
}
END

cat > held.c <<'END'
#include <pthread.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void start(void *arg)
{
	pthread_mutex_lock(&mutex);
	usleep(100); /* stays on its thread: no report */
	gd_sleep(100000);
	pthread_mutex_unlock(&mutex);
	gd_sleep(100000);
}

int main(void)
{
	return gd_run(start, NULL);
}
END

for w in $wrappers; do
	cc=$GD_BUILD/bin/gdetect-$w

	for flags in -fgdetect=libc -fgdetect=leak -fgdetect; do
		exits "$w: $flags, lock held" 0 "$cc" "$flags" -g held.c -o held
		exits "$w: $flags, lock held" 0 timeout 20 ./held
		has "$w: $flags, lock held" "waits \(sleep\) while it holds pthread_mutex"
		has "$w: $flags, lock held" "held.c:10" # where it was locked
		checks=$((checks + 1))
		# It may wake on another thread, which is a second report: of the unlock.
		[ "$(printf '%s\n' "$out" | grep -c 'WARNING.*waits')" -eq 1 ] ||
			fail "$w: $flags: one report" "$out"
		[ "$(printf '%s\n' "$out" | grep WARNING | grep -vcE 'waits|unlocks, on another')" -eq 0 ] ||
			fail "$w: $flags: no other report" "$out"
	done

	for flags in -fgdetect=libc -fgdetect=leak -fgdetect=race -fgdetect \
		"-fgdetect=libc -D_FORTIFY_SOURCE=2" "-fgdetect=leak -D_FORTIFY_SOURCE=2"; do
		# shellcheck disable=SC2086
		exits "$w: $flags" 0 "$cc" $flags -O2 -Wall -Werror -Wno-cpp app.c -o app
		# The goroutine that is left in read() waits for the world outside: no leak.
		exits "$w: $flags runs" 0 timeout 20 ./app
		has "$w: $flags" "^done$"
		lacks "$w: $flags" "before|interrupted|leak"
	done
	exits "$w: switched off, it hangs" 124 env GDETECT_OPTIONS=libc=0 timeout 1 ./app
	exits "$w: left out" 0 "$cc" -fgdetect=leak -fno-gdetect=libc app.c -o app
	exits "$w: left out" 0 nm app
	lacks "$w: left out" "gd__libc_"
	has "$w: left out, the detector stays" "gd_leak_check"
	exits "$w: libc alone" 0 "$cc" -fgdetect=libc app.c -o app
	exits "$w: libc alone" 0 nm app
	lacks "$w: libc alone brings no detector" "gd_leak_check|__tsan_|jemalloc"
	exits "$w: errno is looked up" 0 sh -c "'$cc' -fgdetect=libc -c app.c && nm app.o"
	has "$w: errno is looked up" "U gd_errno_at"
	exits "$w: static" 1 "$cc" -fgdetect=libc -static app.c -o app
	has "$w: static" "cannot be combined with -static"
	exits "$w: race" 0 "$cc" -fgdetect=race -g race.c -o race
	exits "$w: the race detector sees the same" 66 timeout 20 ./race
	has "$w: race" "race.c:(12|27)"
done

# Without the wrapper: archives, shared libraries, in any order beside the detectors'.
lib=$GD_BUILD/lib
inc=$GD_SRC/runtime/include
exits "archives" 0 cc -I"$inc" app.c "$lib/libgdetect_libc.a" "$lib/libgdetect.a" -lpthread -ldl -o app
exits "archives run" 0 timeout 20 ./app
for order in "-lgdetect_libc" "-lgdetect_leak -lgdetect_libc" "-lgdetect_libc -lgdetect_leak" \
	"-lgdetect_libc -lgdetect_race"; do
	# shellcheck disable=SC2086
	exits "shared $order" 0 cc -I"$inc" app.c -L"$lib" -Wl,-rpath,"$lib" -Wl,--no-as-needed \
		$order -lgdetect_detect -lgdetect -lpthread -o app
	exits "shared $order runs" 0 timeout 20 ./app
	has "shared $order" "^done$"
done
finish
