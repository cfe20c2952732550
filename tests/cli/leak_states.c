/*
 * leak_states.c - a program that ends in the way its first argument says: for leak_states_test.sh.
 * The second one, if there is any, is the code given to exit().
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

#include "tests/support/barrier.h"

typedef gd_chan_of(int) int_chan;

static int code;
static struct barrier begun;

static void send(void *c)
{
	gd_chan_send((int_chan){ .raw = c }, 1);
}

static void receive_nothing(void *nil)
{
	gd_chan_recv((int_chan){ .raw = nil }, NULL);
}

__attribute__((noinline)) static void leak(int n)
{
	for (int i = 0; i < n; i++)
		gd_go_fn(send, gd_chan_make(int_chan, 0).raw);
}

/* No signal reaches this one, and it never comes to the scheduler. */
static void compute(void *unused)
{
	sigset_t all;

	(void)unused;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	barrier_post(&begun);
	for (;;)
		__asm__ volatile("" : : : "memory");
}

static void begin_to_compute(void)
{
	gd_go_fn(compute, NULL);
	barrier_await_go(&begun, 1);
}

static void exit_here(void *unused)
{
	(void)unused;
	gd_leak_check(.quiet = true, .settle_ms = 5000); /* when all have parked */
	exit(code);
}

/* Memory for anything new is refused from here on. */
static void use_up(void)
{
	struct rlimit none = { 1 << 20, 1 << 20 };

	setrlimit(RLIMIT_AS, &none);
}

static void start(void *how)
{
	if (strcmp(how, "leak") == 0)
		leak(3);
	if (strcmp(how, "exit") == 0) {
		leak(3);
		gd_go_fn(exit_here, NULL);
		gd_select_none();
	}
	if (strcmp(how, "exit_clean") == 0) {
		gd_go_fn(exit_here, NULL);
		gd_sleep(INT64_C(3600) * 1000000000);
	}
	if (strcmp(how, "exit_main") == 0) {
		leak(3);
		gd_leak_check(.quiet = true, .settle_ms = 5000);
		exit(code);
	}
	if (strcmp(how, "computes") == 0 || strcmp(how, "computes_clean") == 0)
		begin_to_compute();
	if (strcmp(how, "computes") == 0) {
		leak(3);
		gd_go_fn(receive_nothing, NULL);
	}
	if (strcmp(how, "no_memory") == 0) {
		leak(3);
		gd_sleep(1000000); /* has a timer made */
		use_up();
	}
}

int main(int argc, char **argv)
{
	struct gd_leak_stats s;

	gd_leak_stats(&s, sizeof(s));
	if (argc > 1 && strcmp(argv[1], "stats") == 0)
		printf("ran %d failed %d at_exit %d every %ld\n", (int)s.ran, (int)s.failed,
		       s.at_exit, (long)s.every_ns);
	code = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
	if (argc > 1 && strcmp(argv[1], "never") == 0)
		return 0;
	return gd_run(start, argc > 1 ? argv[1] : "");
}
