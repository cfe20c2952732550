/*
 * osthread.c - goroutines bound to their thread: gd_lock_os_thread, and for the time of one
 * preemption, those that are stopped where they did not ask to be.
 *
 * A locked goroutine runs on no other M, and its M runs no other goroutine: while the goroutine
 * waits, the M gives its P away and sleeps (gd__locked_wait); whoever finds the goroutine in a
 * queue hands his P over to that M (gd__locked_pass). Each way is a wake-up of a thread. A
 * goroutine that ends while locked takes its thread along, as in Go: nobody else gets a thread
 * whose state somebody has changed.
 *
 * g->locked_m == m if and only if m->locked_g == g. Both are written on m by g or at its end;
 * g's queue orders them for whoever else reads g->locked_m.
 */
#include <gdetect/go.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/sched/state.h"

void gd__thread_bind(struct gd__g *g, struct gd__m *m)
{
	g->locked_m = m;
	m->locked_g = g;
}

void gd__thread_unbind(struct gd__g *g)
{
	g->locked_m->locked_g = NULL;
	g->locked_m = NULL;
}

void gd_lock_os_thread(void)
{
	struct gd__g *g = gd__self_or_die("gd_lock_os_thread");

	if (g->thread_locks++ == 0)
		gd__thread_bind(g, g->m);
}

void gd_unlock_os_thread(void)
{
	struct gd__g *g = gd__self_or_die("gd_unlock_os_thread");

	if (g->thread_locks > 0 && --g->thread_locks == 0)
		gd__thread_unbind(g);
}

/* P goes to others, if m has one; m's sleep counts for the proof that nothing can run. */
static void sleep_locked(struct gd__m *m)
{
	if (m->p)
		gd__hand_off(gd__p_release(m));
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__sched.nmlocked++;
	gd__check_dead();
	gd__unlock(&gd__sched.lock);
	gd__m_sleep(m, INT64_MAX);
	gd__p_acquire(m, m->next_p);
	m->next_p = NULL;
}

/* Its P has come in a world that is being stopped: the P stops, the goroutine queues again. */
static bool stopped(struct gd__m *m)
{
	bool stopping;

	if (!gd__load_acquire(&gd__sched.stopping)) /* pairs with the store in gd__stw_stop */
		return false;
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	stopping = gd__load_relaxed(&gd__sched.stopping); /* stored under the lock */
	if (stopping) {
		gd__sched_global_put(m->locked_g);
		gd__stw_count_stopped(gd__p_release(m));
	}
	gd__unlock(&gd__sched.lock);
	return stopping;
}

const struct gd__ctx *gd__locked_wait(struct gd__m *m)
{
	do
		sleep_locked(m);
	while (stopped(m));
	return gd__execute(m, m->locked_g, false);
}

void gd__locked_pass(struct gd__m *m, const struct gd__g *g)
{
	struct gd__m *to = g->locked_m;

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__sched.nmlocked--; /* below 0 if it is just going to sleep */
	gd__unlock(&gd__sched.lock);
	to->next_p = gd__p_release(m);
	gd__m_wake(to);
	gd__stop_m(m);
}

const struct gd__ctx *gd__locked_end(struct gd__m *m, struct gd__g *g)
{
	g->thread_locks = 0;
	gd__thread_unbind(g);
	gd__g_end(m, g);
	gd__hand_off(gd__p_release(m));
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__sched.nm--;
	gd__check_dead();
	gd__unlock(&gd__sched.lock);
	return gd__m_end(m);
}
