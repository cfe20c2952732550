/*
 * park.h - a park within the function that asks for it, for operations where each frame between
 * the switch and the user counts: see GD__BACK. Others call gd__park.
 */
#ifndef GD_RUNTIME_SCHED_PARK_H
#define GD_RUNTIME_SCHED_PARK_H

#include <stdint.h>

#include "runtime/arch/ctx.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/lock.h"
#include "runtime/sched/oslock.h"
#include "runtime/sched/sched.h"
#include "runtime/sched/state.h"
#include "runtime/sched/switch.h"

struct gd__parking {
	const struct gd__park *how;
	struct gd__lock *unlock;
};

/* park.c: the part on the scheduler's stack. */
const struct gd__ctx *gd__park_commit(struct gd__g *g);
/* The caller may not park: says why. */
void gd__park_refused(const struct gd__m *m, const struct gd__park *how) GD__NORETURN;

/* gd__park; unlocks unlock, if it is not NULL, when the context is saved. */
static GD__ALWAYS_INLINE void gd__park_here(const struct gd__park *how,
					    struct gd__lock *unlock) GD_UNCHECKED
{
	struct gd__m *m = gd__m_self();
	struct gd__g *g = m->cur;
	struct gd__parking parking = { how, unlock };
	int saved_errno = gd__errno_get();

	if (gd__unlikely(!g || m->system_depth != 0 || !m->p))
		gd__park_refused(m, how);
	g->wait_reason = how->reason;
	g->waits = how->waits;
	g->nwaits = how->nwaits;
	g->wait_stride = how->stride;
	g->since = gd__load_relaxed(&gd__sched.clock); /* some 10 ms old at most */
	g->park = &parking;
	g->parks++;
	if (gd__oslock_any(g))
		gd__oslock_leaves(g, GD__OSLOCK_PARKS, how->reason);
	gd__leave_for_system(m);
	gd__mcall(&g->ctx, m->system_sp, gd__park_commit, g);
	gd__arrived();

	/* Perhaps on another thread from here on. */
	g->waits = NULL;
	g->nwaits = 0;
	g->wait_reason = GD__WAIT_NONE;
	gd__errno_set(saved_errno);
}

#endif
