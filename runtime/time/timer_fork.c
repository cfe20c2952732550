/*
 * timer_fork.c - the timers in the child of a fork.
 *
 * Timers of goroutines that are gone are dropped without a look at them: they lie on stacks that
 * nobody uses any more. Those that would run code the parent asked for (gd_after_func) are stopped:
 * it runs once, in the parent. Those that only put a value into a channel, or cancel a
 * context, are data that the child has inherited: they go on.
 */
#include "runtime/base/atfork.h"
#include "runtime/base/atomic.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/state.h"
#include "runtime/time/timers.h"

static bool prepare(void) GD_UNCHECKED
{
	/* In the order of their addresses: see lockrank.h. */
	for (int i = 0; i < GD__P_MAX; i++)
		gd__lock(&gd__timers[i].lock, GD__RANK_TIMERS);
	return true;
}

static void unlock_all(void) GD_UNCHECKED
{
	for (int i = GD__P_MAX; i-- > 0;)
		gd__unlock(&gd__timers[i].lock);
}

static void child(void)
{
	for (int i = 0; i < GD__P_MAX; i++)
		gd__timers_inherit(&gd__timers[i]);
	unlock_all();
}

static struct gd__atfork handlers = { GD__RANK_TIMERS, prepare, unlock_all, child, NULL, NULL };

void gd__timers_fork_init(void)
{
	gd__atfork_register(&handlers);
}
