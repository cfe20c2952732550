/*
 * wait_here.h - gd__wait without a deadline, within the caller's frame: see GD__BACK.
 */
#ifndef GD_RUNTIME_SYNC_WAIT_HERE_H
#define GD_RUNTIME_SYNC_WAIT_HERE_H

#include "runtime/sched/park.h"
#include "runtime/sync/waitq.h"

/* For one waiter and one lock, which is unlocked. */
static GD__ALWAYS_INLINE void gd__wait_unlock(struct gd__waiter *w, enum gd__wait_reason reason,
					      struct gd__lock *l) GD_UNCHECKED
{
	const struct gd__park how = {
		.reason = reason,
		.nwaits = 1,
		.stride = sizeof(*w),
		.waits = w,
	};

	gd__expect_wake(w->g);
	gd__park_here(&how, l);
	w->g->wake_waiter = NULL;
}

/* Calls unlock of arg, a gd__blocking. */
bool gd__wait_commit(struct gd__g *g, void *arg);

/* For several: b->unlock is not NULL, b->deadline is not looked at. */
static GD__ALWAYS_INLINE const struct gd__waiter *gd__wait_here(struct gd__g *g,
								const struct gd__blocking *b)
{
	const struct gd__park how = {
		.reason = b->reason,
		.nwaits = b->n,
		.stride = sizeof(*b->waiters),
		.waits = b->waiters,
		.commit = gd__wait_commit,
		.arg = (void *)(uintptr_t)b,
	};
	const struct gd__waiter *served;

	gd__expect_wake(g);
	gd__park_here(&how, NULL);
	served = g->wake_waiter;
	g->wake_waiter = NULL;
	return served;
}

#endif
