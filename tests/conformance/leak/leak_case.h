/*
 * leak_case.h - cases of the leak detector.
 *
 *     LEAK(no_close)                the case leak_no_close: all up to the next such line
 *     static void worker(void *c)
 *     {
 *             gd_chan_recv(...);    (beside it the comment "leak: chan receive")
 *     }
 *     MAIN(leak_no_close)
 *     {
 *             gd_go_fn(worker, c);
 *             settle();
 *     }
 *
 * LEAK: main returns, code 23, and exactly what the comments say is reported.
 * NOLEAK: main returns, code 0, no report.
 * STUCK: main itself is stuck: code 2, all asleep, and the report.
 */
#ifndef GD_TESTS_CONFORMANCE_LEAK_LEAK_CASE_H
#define GD_TESTS_CONFORMANCE_LEAK_LEAK_CASE_H

#include <gdetect/leak.h>

#include "runtime/base/waitreason.h"
#include "runtime/inspect/inspect.h"
#include "tests/support/conform.h"

#define NOINLINE __attribute__((noinline))

typedef gd_chan_of(int) int_chan;

#define LEAK(name)   static const char case_leak_##name[] = "leak_" #name;
#define NOLEAK(name) static const char case_noleak_##name[] = "noleak_" #name;
#define STUCK(name)  static const char case_stuck_##name[] = "stuck_" #name;

#define MAIN(name_)                                                                                \
	static void main_##name_(void);                                                            \
	static struct unit_case unit_case_##name_ = { case_##name_, main_##name_ };                \
	static struct unit_case *const unit_ptr_##name_                                            \
		__attribute__((section("unit_cases"), used)) = &unit_case_##name_;                 \
	static NOINLINE void main_##name_(void)

/* Ids of goroutines that are no part of the case: nobody waits for them, nor counts them. */
__attribute__((unused)) static uint64_t not_counted[4];

/* Who waits with a deadline is not parked: the case goes on from there. */
__attribute__((unused)) static bool timed_moves;

static bool is_not_counted(uint64_t id)
{
	for (size_t i = 0; i < sizeof(not_counted) / sizeof(not_counted[0]); i++)
		if (not_counted[i] == id)
			return true;
	return false;
}

/* Goroutines that are parked for a reason that may last for ever, and of others than the caller. */
static NOINLINE size_t count_parked(size_t *others)
{
	static struct gd__ginfo g; /* one caller at a time: the world stands still */
	struct gd__runtime rt;
	bool broken = false;
	size_t parked = 0, all = 0;

	gd__inspect_stop();
	if (gd__inspect_open(&rt, &gd__mem_self, 0) != GD__INSPECT_OK)
		unit_fail(__FILE__, __LINE__, "gd__inspect_open", "");
	for (uint64_t i = 0; i < rt.ngoroutines; i++) {
		if (!gd__inspect_goroutine(&rt, i, &g, &broken) || g.id == gd__inspect_self() ||
		    g.system || g.state == GD__GI_DEAD || is_not_counted(g.id))
			continue;
		all++;
		parked += g.state == GD__GI_WAITING && gd__wait_stuck(g.reason) &&
			  !(g.timed && timed_moves);
	}
	memset(&g, 0, sizeof(g)); /* or a check finds the last one's stack in it */
	gd__inspect_start();
	if (others)
		*others = all;
	return parked;
}

/* Gives way until all other goroutines are parked in a channel, select, lock, group or cond. */
__attribute__((unused)) static NOINLINE void settle(void)
{
	size_t others = 0;

	while (count_parked(&others) < others)
		gd_yield();
}

/* Until n others are. */
__attribute__((unused)) static NOINLINE void settle_n(size_t n)
{
	while (count_parked(NULL) < n)
		gd_yield();
}

/* Until there are n goroutines, the caller included. */
__attribute__((unused)) static NOINLINE void until_alive(size_t n)
{
	for (size_t i = 0; i < sizeof(not_counted) / sizeof(not_counted[0]); i++)
		n += not_counted[i] != 0;
	while (gd_go_count() != n)
		gd_yield();
}

/* A block of zeroes, which no test frees: the process ends. */
__attribute__((unused)) static NOINLINE void *fresh(size_t size)
{
	void *p = calloc(1, size);

	CHECK(p != NULL);
	return p;
}

#define NEW(type) ((type *)fresh(sizeof(type)))

#endif
