/* p.c - the queue operations of a P: runnext in front, the ring, the spill to the global queue. */
#include "runtime/sched/p.h"

#include <stddef.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/state.h"

struct gd__p gd__allp[GD__P_MAX];

/* The ring is full: half of it and g go to the global queue. */
static void spill(struct gd__p *p, struct gd__g *g)
{
	struct gd__g *batch[GD__RUNQ_CAP / 2];
	uint32_t n = gd__runq_grab(&p->runq, batch);
	struct gd__m *m = gd__m_busy_begin();

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__sched_global_put_all(batch, n);
	gd__sched_global_put(g);
	gd__unlock(&gd__sched.lock);
	gd__m_busy_end(m);
}

/*
 * With a detector at work a goroutine goes in front only half of the time, as in Go's race
 * builds: else programs run in the same order every time, above all with one P, and what
 * depends on another order is never seen.
 */
static bool goes_in_front(bool next)
{
	return next && (gd__likely(gd__hooks == NULL) || gd__sched_random() % 2 == 0);
}

void gd__p_put(struct gd__p *p, struct gd__g *g, bool next)
{
	if (goes_in_front(next)) {
		/* Only the owner fills it, so found empty it stays so. */
		if (!gd__load_relaxed(&p->runnext)) {
			/* pairs with the swap of a thief in gd__p_steal: contents of g */
			gd__store_release(&p->runnext, g);
			return;
		}
		g = gd__swap_acq_rel(&p->runnext, g); /* pairs as above */
		if (!g)
			return;
	}
	if (!gd__runq_put(&p->runq, g))
		spill(p, g);
}

/*
 * g would inherit a slice that is over: a pair, or a chain of goroutines each started by the one
 * before, goes together. It queues behind all; the ring and the global queue take turns, for
 * else the one that g's like never leave empty would hide the other.
 */
static GD__NOINLINE struct gd__g *end_slice(struct gd__p *p, struct gd__g *g)
{
	bool ring = gd__load_relaxed(&p->schedtick) % 2 == 0; /* only this M writes it */
	struct gd__g *next = ring ? gd__runq_get(&p->runq) : NULL;
	struct gd__m *m = gd__m_busy_begin();

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__sched_global_put(g);
	if (!next)
		next = gd__sched_global_get(p, 1);
	gd__unlock(&gd__sched.lock);
	gd__m_busy_end(m);
	return next;
}

struct gd__g *gd__p_get(struct gd__p *p, bool *inherit)
{
	struct gd__g *g = gd__load_relaxed(&p->runnext); /* only a hint: the swap decides */

	if (g) {
		g = gd__swap_acq_rel(&p->runnext, NULL); /* pairs with the stores in gd__p_put */
		if (g) {
			/* relaxed: only this M writes the one, the other is a hint of sysmon's */
			*inherit =
				gd__load_relaxed(&p->schedtick) != gd__load_relaxed(&p->late_tick);
			return gd__likely(*inherit) ? g : end_slice(p, g);
		}
	}
	*inherit = false;
	return gd__runq_get(&p->runq);
}

bool gd__p_empty(struct gd__p *p)
{
	return gd__runq_len(&p->runq) == 0 &&
	       !gd__load_relaxed(&p->runnext); /* looked at again later */
}

struct gd__g *gd__p_steal(struct gd__p *p, struct gd__p *victim, bool runnext_too)
{
	struct gd__g *batch[GD__RUNQ_CAP / 2];
	uint32_t n = gd__runq_grab(&victim->runq, batch);
	struct gd__g *next;

	if (n == 0) {
		if (!runnext_too || !gd__load_relaxed(&victim->runnext)) /* the swap decides */
			return NULL;
		/*
		 * The victim has readied it and is about to block or yield to it: leave it
		 * some time, so that a ping-pong pair stays on one P.
		 */
		/* relaxed: only a guess whether the victim runs */
		if (gd__load_relaxed(&victim->status) == GD__P_RUNNING)
			gd__os_nanosleep(3000);
		next = gd__swap_acq_rel(&victim->runnext, NULL); /* pairs with swap in gd__p_put */
		gd__count_relaxed(&p->steals, next != NULL);     /* only the holder writes it */
		return next;
	}
	gd__count_relaxed(&p->steals, n); /* only the holder writes it */
	for (uint32_t i = 0; i + 1 < n; i++)
		if (!gd__runq_put(&p->runq, batch[i]))
			gd__throw("steal: the thief's queue is full");
	return batch[n - 1];
}
