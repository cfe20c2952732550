# A race that a thread is about to report when the program ends is still reported.
. "$GD_SRC/tests/support/cli.sh"

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
done
finish
