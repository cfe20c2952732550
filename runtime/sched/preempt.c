/*
 * preempt.c - asking goroutines to give way.
 *
 * Cooperative: the request is seen at the next safe point (the end of a
 * channel operation that did not park, a lock, a timer call). A loop without
 * any keeps its P; schedtrace names it.
 */
#include "runtime/base/atomic.h"
#include "runtime/sched/state.h"

/* Go's time slice. */
#define SLICE_NS 10000000

static void ask(struct gd__p *p)
{
	struct gd__m *m = p->m;
	struct gd__g *g = m ? m->cur : NULL;

	/* g may have left by now: a record is never unmapped and the flag does no harm. */
	if (g)
		gd__store_relaxed(&g->preempt, true);
}

void gd__preempt_all(void)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */

	for (uint32_t i = 0; i < n; i++)
		if (gd__load_relaxed(&gd__allp[i].status) == GD__P_RUNNING) /* a hint */
			ask(&gd__allp[i]);
}

void gd__preempt_late(int64_t now)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* changes only in a stopped world */

	for (uint32_t i = 0; i < n; i++) {
		struct gd__p *p = &gd__allp[i];
		uint32_t tick = gd__load_relaxed(&p->schedtick); /* a change of it is all we want */

		if (gd__load_relaxed(&p->status) != GD__P_RUNNING || tick != p->seen_sched) {
			p->seen_sched = tick;
			p->seen_sched_at = now;
		} else if (now - p->seen_sched_at >= SLICE_NS) {
			ask(p);
		}
	}
}
