/*
 * preempt.c - asking goroutines to give way.
 *
 * Cooperative: the request is seen at the next safe point (the end of a
 * channel operation that did not park, a lock, a timer call). A loop without
 * any keeps its P, but not what is queued there: others may be too busy with
 * their own to ever steal it, so it goes to the global queue.
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

/* What waits behind a goroutine that does not give way. By sysmon, as a thief. */
static void relieve(struct gd__p *p)
{
	struct gd__g *batch[GD__RUNQ_CAP / 2 + 1];
	uint32_t n = gd__runq_grab(&p->runq, batch);

	if (gd__load_relaxed(&p->runnext)) {                    /* the swap decides */
		batch[n] = gd__swap_acq_rel(&p->runnext, NULL); /* pairs with swap in gd__p_put */
		n += batch[n] != NULL;
	}
	if (n == 0)
		return;
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	for (uint32_t i = 0; i < n; i++)
		gd__sched_global_put(batch[i]);
	gd__unlock(&gd__sched.lock);
	gd__wake_p();
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
			if (n > 1 && now - p->seen_sched_at >= 2 * SLICE_NS)
				relieve(p);
		}
	}
}
