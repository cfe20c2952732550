/*
 * gdb_zoo.c - goroutines in all states, for gdb_test.sh, which looks at them from outside.
 *
 * With an argument: each line of standard input is a file to write a gd_dump to.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#ifdef WITH_DUMP
#	include <gdetect/leak.h>
#else
#	define gd_dump(path) (-1)
#endif

typedef gd_chan_of(int) int_chan;

static gd_mutex lock;
static volatile int turns;

struct receiver_args {
	int_chan c;
	int depth;
};

static int __attribute__((noinline)) receive(int_chan c, int depth)
{
	int secret = 4200 + depth, got = 0;

	if (depth > 0)
		return receive(c, depth - 1) + secret;
	gd_chan_recv(c, &got);
	return got + secret;
}

static void receiver(struct receiver_args *a)
{
	turns += receive(a->c, a->depth);
}

struct locker_args {
	int unused;
};
static void locker(struct locker_args *a)
{
	gd_go_name("the-locker");
	gd_mutex_lock(&lock); /* for ever */
	a->unused++;
}

struct caller_args {
	int unused;
};
static void caller(struct caller_args *a)
{
	gd_syscall(usleep(600 * 1000000u));
	a->unused++;
}

struct spinner_args {
	int unused;
};
static void spinner(struct spinner_args *a)
{
	a->unused = 1;
	while (a->unused)
		turns++;
}

struct fresh_args {
	int unused;
};
static void fresh(struct fresh_args *a)
{
	a->unused++;
}

static void start(void *serve)
{
	int_chan c = gd_chan_make(int_chan, 0);
	char path[256];

	gd_mutex_lock(&lock);
	for (int i = 0; i < 3; i++) /* 2, 3, 4 */
		gd_go(receiver, .c = c, .depth = i);
	gd_go(locker); /* 5 */
	gd_go(caller); /* 6 */
	gd_sleep(20 * GD_MILLISECOND);
	gd_go(spinner); /* takes the other P */
	while (turns == 0)
		gd_yield();
	gd_go(fresh); /* nobody comes to run it */
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	while (!serve) /* on its P for ever */
		turns++;
	while (fgets(path, sizeof(path), stdin)) {
		path[strcspn(path, "\n")] = '\0';
		printf("dumped %d\n", gd_dump(path));
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	return gd_run(start, argc > 1 ? argv : NULL);
}
