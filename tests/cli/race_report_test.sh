# Race reports of whole programs: at the end of the process, and what they say of the place.
. "$GD_SRC/tests/support/cli.sh"

# A race that a thread is about to report when main returns is still reported.
# The report's thread reads the suppressions first: a fifo holds it there until main has ended.
mkfifo gate
cat > ends.c <<'END'
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#include <gdetect/gdetect.h>

struct second_args { int *counter; };
static int first, fd;

static void second(struct second_args *a)
{
	while (!__atomic_load_n(&first, __ATOMIC_RELAXED))
		sched_yield();
	++*a->counter;
}

static void start(void *counter)
{
	gd_go(second, .counter = counter);
	++*(int *)counter;
	__atomic_store_n(&first, 1, __ATOMIC_RELAXED);
	while ((fd = open("gate", O_WRONLY | O_NONBLOCK)) < 0) /* until it is opened to read */
		sched_yield();
}

int main(void)
{
	int counter = 0;
	int r = gd_run(start, &counter);

	close(fd);
	return r;
}
END

for w in $wrappers; do
	exits "$w: build" 0 "$GD_BUILD/bin/gdetect-$w" -fgdetect=race ends.c -o ends
	exits "$w: run" 66 env GD_MAXPROCS=2 GDETECT_OPTIONS=suppressions=gate timeout 30 ./ends
	has "$w: run" "ends.c:13"
	has "$w: run" "Found 1 data race"
	has "$w: a local variable of main()" "Location is stack of a thread"
done

# The child of a fork while another thread is at work in the detector must not wait for it.
cat > forks.c <<'END'
#include <sys/wait.h>
#include <unistd.h>
#include <gdetect/gdetect.h>

static int counter;

static void count(void *done)
{
	counter++;
	gd_waitgroup_done(done);
}

static void start(void *unused)
{
	(void)unused;
	gd_sleep(2 * GD_MILLISECOND); /* the other thread is up */
	for (int i = 0; i < 30; i++) {
		gd_waitgroup done = { 0 };
		pid_t pid;

		gd_waitgroup_add(&done, 2);
		gd_go_fn(count, &done);
		gd_go_fn(count, &done);
		pid = fork();
		if (pid == 0) {
			counter++;
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		gd_waitgroup_wait(&done);
	}
}

int main(void)
{
	return gd_run(start, NULL);
}
END

for w in $wrappers; do
	exits "$w: build" 0 "$GD_BUILD/bin/gdetect-$w" -fgdetect=race forks.c -o forks
	exits "$w: forks" 66 env GD_MAXPROCS=2 timeout 20 ./forks
done

# A variable whose name is not known is still somewhere.
cat > global.c <<'END'
#include <gdetect/gdetect.h>

static int counter;

static void count(void *done)
{
	counter++;
	gd_waitgroup_done(done);
}

static void start(void *unused)
{
	gd_waitgroup done = { 0 };

	(void)unused;
	gd_waitgroup_add(&done, 2);
	gd_go_fn(count, &done);
	gd_go_fn(count, &done);
	gd_waitgroup_wait(&done);
}

int main(void)
{
	return gd_run(start, NULL);
}
END

for w in $wrappers; do
	exits "$w: build" 0 "$GD_BUILD/bin/gdetect-$w" -fgdetect=race global.c -o global
	exits "$w: with symbols" 66 ./global
	has "$w: with symbols" "Location is global 'counter' of size 4 at 0x"
	exits "$w: without" 66 env GDETECT_OPTIONS=symbolize=0 ./global
	has "$w: without" "Location is global data at global[+]0x[0-9a-f]+$"
	exits "$w: stripped" 66 sh -c "strip global -o stripped && ./stripped"
	has "$w: stripped" "Location is global data at stripped[+]0x[0-9a-f]+$"
done
finish
