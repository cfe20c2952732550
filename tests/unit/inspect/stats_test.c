/* link: gdetect */
/* stats_test.c - gd_stats says what goroutines do, counts, and grows with its struct. */
#include <gdetect/debug.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "runtime/sched/p.h"
#include "tests/support/unit.h"

typedef gd_chan_of(int) int_chan;

static struct gd_stats stats(void)
{
	struct gd_stats s;

	memset(&s, 0xff, sizeof(s));
	gd_stats(&s, sizeof(s));
	return s;
}

struct receive_args {
	int_chan c;
};
static void receive(struct receive_args *a)
{
	gd_chan_recv(a->c, NULL);
}

struct nap_args {
	int ms;
};
static void nap(struct nap_args *a)
{
	gd_sleep(a->ms * GD_MILLISECOND);
}

/* Until `what` of gd_stats is n: what other threads do, nobody can be asked to announce. */
#define UNTIL(what, n)                                                                             \
	do                                                                                         \
		gd_yield();                                                                        \
	while (stats().what != (n))

static void start_states(void *arg)
{
	int_chan c = gd_chan_make(int_chan, 0);
	struct gd_stats s;

	(void)arg;
	for (int i = 0; i < 100; i++)
		gd_go(receive, .c = c);
	gd_go(nap, .ms = 3600000);
	s = stats();
	CHECK_EQ(s.goroutines, 102);
	CHECK_EQ(s.procs, 1);
	CHECK_EQ(s.procs_idle, 0);
	CHECK_EQ(s.running, 1);
	CHECK_EQ(s.runnable, 101);
	CHECK_EQ(s.waiting, 0);
	CHECK_EQ(s.timers, 0);
	UNTIL(runnable, 0);
	s = stats();
	CHECK_EQ(s.waiting, 101);
	CHECK_EQ(s.running, 1);
	CHECK_EQ(s.timers, 1);
	CHECK_EQ(s.created, 102);
	CHECK(s.stacks >= 102);
	CHECK(s.stacks_free <= s.stacks - 102);
	CHECK(s.stacks_reserved >= s.stacks * 64 * 1024);
	CHECK(s.switches >= 101);
	gd_chan_close(c);
	UNTIL(goroutines, 2);
	CHECK(stats().stacks_free >= 100);
	CHECK_EQ(stats().created, 102);
	gd_set_procs(1); /* stops the world */
	s = stats();
	CHECK_EQ(s.stops, 1);
	CHECK(s.stop_last_ns > 0 && s.stop_last_ns < UINT64_C(60000000000));
	CHECK_EQ(s.stop_max_ns, s.stop_last_ns);
}

CASE(states_and_totals)
{
	gd_set_procs(1);
	CHECK_EQ(gd_run(start_states, NULL), 0);
}

static int quit_pipe[2];

struct block_args {
	int unused;
};
static void block(struct block_args *a)
{
	char c;

	(void)a;
	CHECK_EQ(gd_syscall(read(quit_pipe[0], &c, 1)), 1);
}

static void start_syscall(void *arg)
{
	(void)arg;
	CHECK_EQ(stats().syscalls, 0);
	gd_go(block);
	UNTIL(syscall, 1);
	UNTIL(retakes, 1); /* with one P, nothing else would run */
	CHECK_EQ(stats().syscalls, 1);
	CHECK(stats().threads >= 2);
	CHECK_EQ(write(quit_pipe[1], "x", 1), 1);
	UNTIL(goroutines, 1);
	CHECK_EQ(stats().syscall, 0);
}

CASE(system_calls)
{
	CHECK_EQ(pipe(quit_pipe), 0);
	gd_set_procs(1);
	CHECK_EQ(gd_run(start_syscall, NULL), 0);
}

static _Atomic bool stolen;

struct tell_args {
	int unused;
};
static void tell(struct tell_args *a)
{
	(void)a;
	stolen = true;
}

static void start_steal(void *arg)
{
	(void)arg;
	while (stats().steals == 0) { /* sysmon may be faster than the thief */
		stolen = false;
		gd_go(tell);
		while (!stolen) /* this P is busy: only the other one can run it */
			;
	}
}

CASE(steals)
{
	gd_set_procs(2);
	CHECK_EQ(gd_run(start_steal, NULL), 0);
}

static void start_late(void *arg)
{
	(void)arg;
	while (stats().preemptions == 0)
		;
}

CASE(preemptions)
{
	gd_set_procs(1);
	CHECK_EQ(gd_run(start_late, NULL), 0);
}

static void *from_outside(void *goroutines)
{
	*(uint64_t *)goroutines = stats().goroutines;
	return NULL;
}

static void start_versions(void *arg)
{
	struct {
		struct gd_stats s;
		uint64_t later;
	} newer = { .later = 7 };
	uint64_t older[2] = { 7, 7 }, seen = 0;
	pthread_t thread;

	(void)arg;
	gd_stats((struct gd_stats *)older, sizeof(older[0]));
	CHECK_EQ(older[0], 1);
	CHECK_EQ(older[1], 7);
	gd_stats(&newer.s, sizeof(newer));
	CHECK_EQ(newer.s.goroutines, 1);
	CHECK_EQ(newer.later, 0);
	CHECK_EQ(pthread_create(&thread, NULL, from_outside, &seen), 0);
	CHECK_EQ(gd_syscall(pthread_join(thread, NULL)), 0);
	CHECK_EQ(seen, 1);
}

CASE(versions_and_foreign_threads)
{
	CHECK_EQ(stats().procs, 0);
	CHECK_EQ(stats().stacks, 0);
	CHECK_EQ(gd_run(start_versions, NULL), 0);
}

CASE(ticks_in_64_bits)
{
	_Atomic uint64_t wide = 0x1fffffff0;
	_Atomic uint32_t tick = 0xfffffff0;

	CHECK_EQ(gd__ticks(&wide, &tick), 0x1fffffff0);
	tick = 5;
	CHECK_EQ(gd__ticks(&wide, &tick), 0x200000005);
}

UNIT_MAIN
