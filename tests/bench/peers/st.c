/*
 * st.c - the rows of ../gdetect.c in State Threads, in its order.
 *
 * The second peer because it is the other one in Debian with a switch of its own, written for
 * servers, and the leanest of its kind: one thread, no channels, no select, no timers that call,
 * no yield (st_usleep(0) goes by way of select). Its stacks have no guard.
 */
#include <st.h>

#include "tests/bench/measure.h"

struct wait_group {
	st_cond_t zero;
	long count;
};

static void wait_done(struct wait_group *w)
{
	if (--w->count == 0)
		st_cond_broadcast(w->zero);
}

static void wait_all(struct wait_group *w)
{
	while (w->count > 0)
		st_cond_wait(w->zero);
}

static void go(void *(*fn)(void *), void *arg)
{
	if (!st_thread_create(fn, arg, 0, 16384)) {
		perror("st_thread_create");
		exit(1);
	}
}

static void *done(void *arg)
{
	wait_done(arg);
	return NULL;
}

static void spawn(long n)
{
	struct wait_group w = { st_cond_new(), 0 };

	for (long i = 0; i < n; i += BENCH_BATCH) {
		w.count = BENCH_BATCH;
		for (int k = 0; k < BENCH_BATCH; k++)
			go(done, &w);
		wait_all(&w);
	}
}

static void mutex(long n)
{
	st_mutex_t m = st_mutex_new();

	for (long i = 0; i < n; i++) {
		st_mutex_lock(m);
		st_mutex_unlock(m);
	}
}

struct parker {
	struct wait_group started;
	st_cond_t over;
};

static void *parker(void *arg)
{
	struct parker *p = arg;

	wait_done(&p->started);
	st_cond_wait(p->over);
	return NULL;
}

static double parked(long n)
{
	struct parker p = { { st_cond_new(), n }, st_cond_new() };
	double before = bench_memory();

	for (long i = 0; i < n; i++)
		go(parker, &p);
	wait_all(&p.started);
	st_usleep(0); /* the last ones come to wait */
	return (bench_memory() - before) / (double)n;
}

static const struct bench rows[] = {
	{ "spawn", spawn, NULL },
	{ "mutex", mutex, NULL },
	{ "parked", NULL, parked },
};

int main(int argc, char **argv)
{
	const struct bench *b = bench_choose(rows, sizeof(rows) / sizeof(rows[0]), argc, argv);

	if (st_init() != 0) {
		perror("st_init");
		return 1;
	}
	bench_print(b, argc, argv);
	return 0;
}
