/*
 * go_order.c - what looks like an order and is none: the end of goroutines, one close for many,
 * sleeps, timers; and faults that are handled.
 */
#include "tests/conformance/race/race_case.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

typedef gd_chan_of(int) int_chan;

int x;
int_chan gate;
gd_mutex mutex;

static void set_up(void)
{
	gate = gd_chan_make(int_chan, 0);
}

/* Both have ended when a third one waits for both, and are not ordered by that. */
RACE(synctest_goroutines_exit)
static void writes_first(void)
{
	x = 1; /* race */
	DONE();
}
static void writes_second(void)
{
	AFTER(1);
	x = 2; /* race */
}
MAIN(race_synctest_goroutines_exit)
{
	spawn(writes_first);
	spawn(writes_second);
	join();
}

/* The second is started when the first has been waited for. */
NORACE(synctest_goroutines_exit)
static void writes(void)
{
	x++;
}
MAIN(norace_synctest_goroutines_exit)
{
	spawn(writes);
	join();
	spawn(writes);
	join();
	CHECK_EQ(x, 2);
}

RACE(synctest_goroutines_recv)
static void writes_then_waits(void)
{
	x = 1; /* race */
	DONE();
	gd_chan_recv(gate, NULL);
}
static void writes_too_then_waits(void)
{
	AFTER(1);
	x = 2; /* race */
	DONE();
	gd_chan_recv(gate, NULL);
}
MAIN(race_synctest_goroutines_recv)
{
	spawn(writes_then_waits);
	spawn(writes_too_then_waits);
	AFTER(2);
	gd_chan_close(gate);
	join();
}

RACE(synctest_goroutines_unblocked)
static void waits_then_writes(void)
{
	gd_chan_recv(gate, NULL);
	x = 1; /* race */
	DONE();
}
static void waits_then_writes_too(void)
{
	gd_chan_recv(gate, NULL);
	AFTER(1);
	x = 2; /* race */
}
MAIN(race_synctest_goroutines_unblocked)
{
	spawn(waits_then_writes);
	spawn(waits_then_writes_too);
	gd_chan_close(gate);
	join();
}

/* One sleeps longer than the other; the clock orders nothing. */
RACE(synctest_goroutines_sleep)
static void sleeps_short(void)
{
	gd_sleep(GD_MILLISECOND);
	x = 1; /* race */
	DONE();
}
static void sleeps_long(void)
{
	gd_sleep(2 * GD_MILLISECOND);
	AFTER(1);
	x = 2; /* race */
}
MAIN(race_synctest_goroutines_sleep)
{
	spawn(sleeps_short);
	spawn(sleeps_long);
	join();
}

RACE(synctest_timers)
static void early_func(void *unused)
{
	x = 1; /* race */
	DONE();
}
static void late_func(void *unused)
{
	AFTER(1);
	x = 2; /* race */
	DONE();
}
MAIN(race_synctest_timers)
{
	gd_timer *early = gd_after_func(GD_MILLISECOND, early_func, NULL);
	gd_timer *late = gd_after_func(2 * GD_MILLISECOND, late_func, NULL);

	AFTER(2);
	gd_timer_free(early);
	gd_timer_free(late);
}

/* A fault in an atomic operation, and in a lock: its handler goes on, and all still works. */
static sigjmp_buf after_fault;
static void on_fault(int signal)
{
	siglongjmp(after_fault, 1);
}
static void handle_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER | SA_ONSTACK };

	sigaction(SIGSEGV, &action, NULL);
}
static void counts(void)
{
	for (int i = 0; i < 100; i++) {
		gd_mutex_lock(&mutex);
		x++;
		gd_mutex_unlock(&mutex);
	}
}

NORACE(atomic_crash)
MAIN(norace_atomic_crash)
{
	atomic_int *none = OPAQUE((atomic_int *)NULL);

	handle_faults();
	/* Again, to see that nothing stays locked. */
	for (volatile int i = 0; i < 2; i++) {
		if (sigsetjmp(after_fault, 1) == 0) {
			atomic_fetch_add(none, 1);
			CHECK(!"no fault");
		}
	}
	spawn(counts);
	counts();
	join();
	CHECK_EQ(x, 200);
}

/* and that the goroutine is still looked at. */
RACE(after_crash)
FIRST(race_after_crash)
{
	x = 1; /* race */
}
SECOND(race_after_crash)
{
	atomic_int *none = OPAQUE((atomic_int *)NULL);

	handle_faults();
	if (sigsetjmp(after_fault, 1) == 0)
		atomic_store(none, 1);
	x = 2; /* race */
}

NORACE(nil_mutex_crash)
MAIN(norace_nil_mutex_crash)
{
	gd_rwmutex *none = OPAQUE((gd_rwmutex *)NULL);

	handle_faults();
	if (sigsetjmp(after_fault, 1) == 0) {
		gd_rwmutex_rlock(none);
		CHECK(!"no fault");
	}
	spawn(counts);
	counts();
	join();
	CHECK_EQ(x, 200);
}

CONFORM_MAIN
