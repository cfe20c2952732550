/*
 * helper.h - a second goroutine that makes calls for the test, with several Ps mostly on another
 * one than the caller.
 *
 * So timers, channels and what is kept per P move, while the order of the calls stays the test's.
 * Each call wakes a thread.
 */
#ifndef GD_TESTS_UNIT_TIME_HELPER_H
#define GD_TESTS_UNIT_TIME_HELPER_H

#include "tests/unit/time/fake_clock.h"

struct helper_call {
	void (*fn)(void *);
	void *arg;
};

static gd_chan_of(struct helper_call) helper_calls;
static _Atomic uint32_t helper_done;

static void helper_main(void *arg)
{
	struct helper_call c;

	(void)arg;
	while (gd_chan_recv(helper_calls, &c)) {
		c.fn(c.arg);
		gd__add_seq_cst(&helper_done, 1); /* pairs with helper_do */
	}
}

static void helper_start(void)
{
	helper_calls = gd_chan_make(__typeof__(helper_calls), 0);
	gd_go_fn(helper_main, NULL);
}

/* fn(arg) has been called on return. The caller keeps its P meanwhile, so another takes the helper.
 */
static void helper_do(void (*fn)(void *), void *arg)
{
	uint32_t before = gd__load_seq_cst(&helper_done); /* pairs with helper_main */
	struct helper_call c = { fn, arg };
	int looks = 0;

	gd_chan_send(helper_calls, c);
	while (gd__load_seq_cst(&helper_done) == before) { /* pairs with helper_main */
		if (++looks % 1000 == 0)
			sched_yield();
		if (gd_procs() == 1)
			gd_yield();
	}
}

#endif
