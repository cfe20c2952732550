/*
 * helper.h - a second goroutine that makes calls for the test, on whatever P it happens to be.
 *
 * With two Ps it is often on another one than the caller: so timers, channels and what is kept per
 * P move, while the order of the calls stays the test's.
 */
#ifndef GD_TESTS_UNIT_TIME_HELPER_H
#define GD_TESTS_UNIT_TIME_HELPER_H

#include "tests/unit/time/fake_clock.h"

static struct {
	void (*_Atomic fn)(void *);
	void *arg;
} helper;

static void helper_main(void *arg)
{
	(void)arg;
	gd__store_seq_cst(&fake_clock_helper, gd__self()); /* polled */
	for (;; gd_yield()) {
		void (*fn)(void *) = gd__load_seq_cst(&helper.fn); /* pairs with helper_do */

		if (fn) {
			fn(helper.arg);
			gd__store_seq_cst(&helper.fn, NULL); /* pairs with helper_do */
		}
	}
}

static void helper_start(void)
{
	gd_go_fn(helper_main, NULL);
	while (!gd__load_seq_cst(&fake_clock_helper)) /* polled */
		gd_yield();
}

/* fn(arg) has been called on return. */
static void helper_do(void (*fn)(void *), void *arg)
{
	helper.arg = arg;
	gd__store_seq_cst(&helper.fn, fn);   /* pairs with helper_main */
	while (gd__load_seq_cst(&helper.fn)) /* pairs with helper_main */
		gd_yield();
}

#endif
