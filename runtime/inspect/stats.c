/*
 * stats.c - gd_stats: sums over what the scheduler counts anyway.
 *
 * What goroutines do is derived, since a look at a million records would take a million misses:
 * the queues hold the runnable ones, the threads have the running ones and those in system calls,
 * and the rest waits.
 */
#include <gdetect/debug.h>

#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/state.h"
#include "runtime/time/timers.h"

static uint64_t not_negative(int64_t n)
{
	return n > 0 ? (uint64_t)n : 0;
}

static void add_procs(struct gd_stats *s)
{
	uint64_t unused_ids = 0, kept = 0;

	for (uint32_t i = 0; i < GD__P_MAX; i++) { /* relaxed throughout: a snapshot */
		struct gd__p *p = &gd__allp[i];

		s->queue_local += gd__runq_len(&p->runq) + (gd__load_relaxed(&p->runnext) != NULL);
		s->switches += gd__ticks(&p->switches, &p->schedtick);
		s->syscalls += gd__ticks(&p->syscalls, &p->syscalltick);
		s->steals += gd__load_relaxed(&p->steals);
		unused_ids += p->goid_end - p->goid;
		kept += p->nfree;
	}
	s->created = not_negative((int64_t)(gd__load_relaxed(&gd__sched.goid) - unused_ids));
	s->stacks_free = kept + gd__g_free();
}

static void add_threads(struct gd_stats *s)
{
	/* pairs with publish in m.c: the list; what it says of goroutines is a snapshot */
	for (struct gd__m *m = gd__load_acquire(&gd__sched.allm); m;
	     m = gd__load_relaxed(&m->all)) {   /* set before publication */
		const struct gd__g *g = m->cur; /* a record is never unmapped */
		uint32_t status = g ? gd__load_relaxed(&g->status) : GD__G_FREE;

		s->running += status == GD__G_RUNNING;
		s->syscall += status == GD__G_SYSCALL;
	}
	s->threads_spinning = not_negative(gd__load_relaxed(&gd__sched.nmspinning));
}

static void add_stacks(struct gd_stats *s)
{
	uint32_t n = gd__load_acquire(&gd__gtab.head.n); /* pairs with grow in g.c: the arenas */

	for (uint32_t i = 0; i < n; i++) {
		s->stacks += gd__load_relaxed(&gd__gtab.arena[i].used); /* a number */
		s->stacks_reserved += gd__gtab.arena[i].slots * gd__gtab.head.slot_size;
	}
}

/* What a lock guards. */
static void add_locked(struct gd_stats *s)
{
	struct gd__m *m = gd__m_busy_begin();

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	s->threads = not_negative(gd__sched.nm);
	s->threads_idle = not_negative(gd__sched.nmidle);
	s->stops = gd__sched.stops;
	s->stop_last_ns = not_negative(gd__sched.stop_last_ns);
	s->stop_max_ns = not_negative(gd__sched.stop_max_ns);
	gd__unlock(&gd__sched.lock);
	for (uint32_t i = 0; i < GD__P_MAX; i++) {
		gd__lock(&gd__timers[i].lock, GD__RANK_TIMERS);
		s->timers += gd__timers[i].n;
		gd__unlock(&gd__timers[i].lock);
	}
	gd__m_busy_end(m);
}

static void fill(struct gd_stats *s)
{
	add_procs(s);
	add_threads(s);
	add_stacks(s);
	add_locked(s);
	s->goroutines = not_negative(gd__sched_alive());
	s->procs = gd__load_relaxed(&gd__sched.procs); /* relaxed: a snapshot, as what follows */
	s->procs_idle = not_negative(gd__load_relaxed(&gd__sched.npidle));
	s->queue_global = not_negative(gd__load_relaxed(&gd__sched.global_n));
	s->retakes = gd__load_relaxed(&gd__sched.retakes);
	s->preemptions = gd__load_relaxed(&gd__sched.preemptions);
	s->io_waiting = not_negative(gd__load_relaxed(&gd__sched.poll_waiters));
	s->syscalls = not_negative((int64_t)(s->syscalls - s->retakes)); /* each is a tick too */
	s->runnable = s->queue_local + s->queue_global;
	s->waiting = not_negative((int64_t)(s->goroutines - s->runnable - s->running - s->syscall));
}

void gd_stats(struct gd_stats *stats, size_t size)
{
	struct gd_stats all = { 0 };

	if (gd__load_relaxed(&gd__sched.procs) != 0) /* a number */
		fill(&all);
	memset(stats, 0, size);
	memcpy(stats, &all, size < sizeof(all) ? size : sizeof(all));
}
