/*
 * preempt.c - asking goroutines to give way.
 *
 * Cooperative: the request is seen at the next safe point (the end of a channel operation that
 * did not park, a lock, a timer call, the way back from a system call; with the race detector also
 * function entries and atomic operations). A loop without any keeps its P, but not what is queued
 * there: others may be too busy with their own to ever steal it, so it goes to the global queue.
 *
 * The request ends a slice, not a goroutine's turn: nobody inherits a slice that is over
 * (P.late_tick; gd__p_get), so a pair that hands itself back and forth goes together.
 */
#include "runtime/base/atomic.h"
#include "runtime/base/clock.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/oslock.h"
#include "runtime/sched/state.h"

/* Go's time slice. */
#define SLICE_NS 10000000

static void ask(struct gd__p *p)
{
	struct gd__m *m = p->m;
	struct gd__g *g = m ? m->cur : NULL;

	/* g may have left by now: a record is never unmapped and the flag does no harm. */
	if (g) {
		_Atomic uint32_t *wanted = gd__load_relaxed(&m->preempt_at); /* see m.c */

		gd__store_relaxed(&g->preempt, true);
		if (wanted)
			gd__store_relaxed(wanted, 1); /* a request, not a hand-over */
	}
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
	gd__sched_global_put_all(batch, n);
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
		uint32_t status = gd__load_relaxed(&p->status);  /* a hint */

		/* One that makes many short system calls runs all the while. */
		if ((status != GD__P_RUNNING && status != GD__P_SYSCALL) || tick != p->seen_sched) {
			p->seen_sched = tick;
			p->seen_sched_at = now;
			p->asked = NULL;
		} else if (now - p->seen_sched_at >= SLICE_NS) {
			gd__hog_look(p, now);
			if (gd__load_relaxed(&p->late_tick) != tick) /* only sysmon writes it */
				gd__count_relaxed(&gd__sched.preemptions, 1); /* as above */
			gd__store_relaxed(&p->late_tick, tick); /* a hint for gd__p_get */
			ask(p);
			if (n > 1 && now - p->seen_sched_at >= 2 * SLICE_NS)
				relieve(p);
		}
	}
}

/*
 * A goroutine that is stopped at a function entry holds its thread, so there is a limit. Beyond it
 * goroutines run on, as they do without a detector.
 */
#define PINNED_MAX 64

/* Nobody waits: then a change of threads would be for nothing. */
static bool somebody_waits(const struct gd__m *m)
{
	/* relaxed: hints; sysmon asks again */
	return gd__load_relaxed(&gd__sched.stopping) || gd__load_relaxed(&gd__sched.global_n) > 0 ||
	       !gd__p_empty(m->p) || gd__sources_deadline() <= gd__clock_now();
}

/*
 * Not on another stack than the goroutine's (a signal handler's, a coroutine's of the user), nor
 * in a signal handler on this one: those begin with signals blocked. Nor where the thread is the
 * scheduler's, the kernel's (gd_syscall), or must not be left for a lock's sake.
 */
static bool may_leave(const struct gd__m *m, const struct gd__g *g, uintptr_t sp)
{
	return m->p && m->system_depth == 0 && g->held_back == 0 && !gd__oslock_any(g) &&
	       !gd__oslock_any(g) && gd__load_relaxed(&m->busy) == 0 && /* own thread */
	       gd__load_relaxed(&g->status) == GD__G_RUNNING &&         /* own goroutine */
	       sp >= g->stack_lo && sp < g->stack_hi && gd__os_signal_mask() == m->signal_mask;
}

GD__NOINLINE void gd__preempt_here(void)
{
	struct gd__m *m = gd__m_self();
	struct gd__g *g = m ? m->cur : NULL;
	bool pin;

	gd__store_relaxed(&gd__preempt_wanted, 0);  /* sysmon asks again if it is not heard */
	if (!g || !gd__load_relaxed(&g->preempt) || /* a request, not a hand-over */
	    !may_leave(m, g, (uintptr_t)__builtin_frame_address(0)) || !somebody_waits(m))
		return;
	pin = g->locked_m == NULL;
	if (pin && gd__add_relaxed(&gd__sched.npinned, 1) >= PINNED_MAX) { /* a count */
		gd__add_relaxed(&gd__sched.npinned, -1);                   /* as above */
		return;
	}
	if (pin)
		gd__thread_bind(g, m);
	gd__yield();
	if (pin) {
		gd__thread_unbind(g);
		gd__add_relaxed(&gd__sched.npinned, -1); /* a count */
	}
}

void gd__preempt_hold(int by)
{
	struct gd__g *g = gd__self();

	if (g)
		g->held_back += (uint32_t)by;
}
