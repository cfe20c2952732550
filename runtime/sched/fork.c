/*
 * fork.c - fork() in a program of goroutines.
 *
 * Before: the world is stopped by asking, so that no thread of ours is inside a channel, a queue
 * or a free list; then the scheduler's locks are taken. A thread that does not come to a safe
 * point in time is in code of the user's, and goes on. After, in the parent: all goes on.
 *
 * In the child the calling thread is alone. It keeps its goroutine, its M and its P; the queues
 * are emptied, the records of the other threads are spare. Sysmon and further threads come when the
 * goroutine first waits, calls the kernel, or starts another. Of a thread that runs no
 * goroutine the child has no scheduler at all: it may call gd_run.
 *
 * A signal handler that forks while its thread is in the scheduler gets a child in which only exec
 * and _exit are safe, as POSIX has it: nothing here takes part.
 */
#include "runtime/sched/fork.h"

#include <stdlib.h>

#include <gdetect/go.h>

#include "runtime/base/atfork.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/oslock.h"
#include "runtime/sched/state.h"

/*
 * Critical sections take a microsecond; one whose thread has lost its CPU takes a slice of the
 * kernel's scheduler, some 3 ms. Threads in loops and blocking calls cost this much per fork.
 */
#define STOP_LIMIT_NS INT64_C(5000000)

struct gd__fork gd__fork;

/* Whether the caller's P was given up in prepare. Guarded by the stop of the world. */
static bool gave_p_up;
/* Whether there was a scheduler when this thread began to fork. */
static GD__TLS bool running;

/* --- before --- */

/* A P of the stopped world, best the one that m had; NULL if none has stopped. sched.lock held. */
static struct gd__p *stopped_p(const struct gd__m *m)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* world stopped */

	/* relaxed: stored under the lock */
	if (gd__load_relaxed(&m->syscall_p->status) == GD__P_STOPPED)
		return m->syscall_p;
	for (uint32_t i = 0; i < n; i++)
		if (gd__load_relaxed(&gd__allp[i].status) == GD__P_STOPPED) /* as above */
			return &gd__allp[i];
	return NULL;
}

/* The calling goroutine runs on p again, on this thread: libc is in the middle of fork(). */
static void take_p(struct gd__m *m, struct gd__p *p)
{
	struct gd__g *g = m->cur;

	gd__p_acquire(m, p);
	gd__g_set_status(g, GD__G_SYSCALL, GD__G_RUNNING);
	g->call_sp = 0;
}

static bool can_come_back(const struct gd__m *m)
{
	bool can;

	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	can = stopped_p(m) != NULL;
	gd__unlock(&gd__sched.lock);
	return can;
}

/*
 * Somebody else is stopping the world and waits for this P. The goroutine must not leave its
 * thread here, so the P goes as in a system call; once the world is stopped there is one to take.
 */
static void stop_after_others(struct gd__m *m)
{
	gave_p_up = false;
	if (!m || !m->p) {
		while (!gd__stw_try_stop(false, STOP_LIMIT_NS))
			gd__os_nanosleep(50000);
		return;
	}
	gd_syscall_enter();
	for (;;) {
		if (!gd__stw_try_stop(false, STOP_LIMIT_NS)) {
			gd__os_nanosleep(50000);
			continue;
		}
		if (can_come_back(m))
			break;
		gd__stw_start();
	}
	gave_p_up = true;
}

static bool prepare_world(void)
{
	struct gd__m *m = gd__m_self();

	running = gd__load_relaxed(&gd__sched.procs) != 0; /* else it may come up meanwhile */
	if (!running)
		return true;
	/* A signal handler in the scheduler: this very thread may hold its locks. */
	if (m && (!m->cur || m->system_depth > 0 || gd__load_relaxed(&m->busy) > 0)) /* own */
		return false;
	if (gd__lock_any_held())
		return false;
	if (gd__stw_try_stop(false, STOP_LIMIT_NS))
		gave_p_up = false;
	else
		stop_after_others(m);
	return true;
}

static bool prepare_sched(void) GD_UNCHECKED
{
	if (!running)
		return true;
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__g_table_lock();
	return true;
}

/* --- after, in the parent --- */

static void parent_sched(void) GD_UNCHECKED
{
	struct gd__m *m = gd__m_self();

	if (!running)
		return;
	gd__g_table_unlock();
	if (gave_p_up)
		take_p(m, stopped_p(m));
	gd__unlock(&gd__sched.lock);
}

static void parent_world(void)
{
	if (running)
		gd__stw_start();
}

/* --- after, in the child --- */

static void forget_goroutines(const struct gd__g *self)
{
	int64_t alive = gd__sched_alive();
	bool counts = self && !self->system;

	gd__fork.gone = gd__load_relaxed(&gd__sched.goid); /* there is one thread */
	gd__fork.survivor = self ? self->id : 0;
	gd__fork.lost = (uint64_t)(alive - counts);
	for (int i = 0; i < GD__P_MAX; i++)
		gd__store_relaxed(&gd__allp[i].alive, 0); /* as above */
	if (!self || self->id != gd__sched.main_id)
		gd__sched.run_waits = false;
	gd__sched.main_id = gd__fork.survivor;
}

/* That it should stop, for the fork; and OS locks, which are the program's fork handlers' business.
 */
static void forget_requests(struct gd__g *self)
{
	gd__store_relaxed(&self->preempt, false); /* there is one thread */
	gd__store_relaxed(&gd__preempt_wanted, 0);
	if (self->oslocks)
		self->oslocks->n = 0;
}

/* All plain words of the scheduler that speak of threads and queues. One thread: no order. */
static void forget_queues(bool started)
{
	gd__sched.global.n = 0;
	gd__sched.idle_p = NULL;
	gd__sched.idle_m = NULL;
	gd__sched.nmidle = 0;
	gd__sched.nm = started ? 1 : 0;
	gd__sched.nmlocked = 0;
	gd__store_relaxed(&gd__sched.npinned, 0);
	gd__trim_forget();
	gd__sched.stop_wait = 0;
	gd__store_relaxed(&gd__sched.global_n, 0);
	gd__store_relaxed(&gd__sched.npidle, 0);
	gd__store_relaxed(&gd__sched.nmspinning, 0);
	gd__store_relaxed(&gd__sched.keeper, INT64_MAX);
	gd__store_relaxed(&gd__sched.poll_waiters, 0);
	gd__store_relaxed(&gd__sched.polling, 0);
	gd__store_relaxed(&gd__sched.npolling, 0);
	gd__store_relaxed(&gd__sched.sysmon_idle, 0);
	gd__store_relaxed(&gd__sched.starved, 0);
	gd__store_relaxed(&gd__sched.doubtful, 0);
	gd__store_relaxed(&gd__sched.ended, 0);
}

/* What was queued is gone. A thread that was not at a safe point may have left a broken list. */
static void forget_p(struct gd__p *p, bool own)
{
	if (!own && gd__load_relaxed(&p->status) != GD__P_STOPPED) /* one thread */
		p->nfree = 0;
	p->goid = p->goid_end = 0; /* what is left of its batch counts as gone */
	gd__store_relaxed(&p->runnext, NULL);
	gd__store_relaxed(&p->runq.head, 0);
	gd__store_relaxed(&p->runq.tail, 0);
	gd__store_relaxed(&p->status, GD__P_NONE);
	p->m = NULL;
	p->link = NULL;
}

/* The caller's P: it runs, it was given up above, or the program has called fork in gd_syscall. */
static struct gd__p *own_p(const struct gd__m *m)
{
	if (!m)
		return NULL;
	return m->p ? m->p : gave_p_up ? stopped_p(m) : m->syscall_p;
}

static void child_sched(void) GD_UNCHECKED
{
	struct gd__m *m = gd__m_self();
	struct gd__p *own = own_p(m);
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* one thread, from here on */

	if (!running)
		return;
	forget_goroutines(m ? m->cur : NULL);
	if (m)
		forget_requests(m->cur);
	forget_queues(m != NULL);
	gd__m_forget_others(m);
	for (uint32_t i = n; i-- > 0;) {
		forget_p(&gd__allp[i], &gd__allp[i] == own);
		if (m && &gd__allp[i] != own)
			gd__p_idle_put(&gd__allp[i]);
	}
	if (own) {
		own->m = m;
		gd__store_relaxed(&own->status, m->p ? GD__P_RUNNING : GD__P_SYSCALL);
		gd__store_relaxed(&own->alive, m->cur && !m->cur->system);
	}
	if (m && gave_p_up)
		take_p(m, own);
	gd__store_relaxed(&gd__sched.stopping, m != NULL);
	gd__store_relaxed(&gd__fork.asleep, m != NULL);
	if (!m) { /* gd_run begins anew */
		gd__store_relaxed(&gd__sched.procs, 0);
		gd__store_relaxed(&gd__sched.started, 0);
	}
	gd__g_table_unlock();
	gd__unlock(&gd__sched.lock);
}

static void child_world(void)
{
	if (running)
		gd__stw_abandon();
}

bool gd__fork_wake(void)
{
	bool woken;

	if (gd__likely(gd__load_relaxed(&gd__fork.asleep) == 0)) /* looked at again below */
		return false;
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	woken = gd__load_relaxed(&gd__fork.asleep) != 0; /* under the lock */
	gd__store_relaxed(&gd__fork.asleep, 0);
	if (woken)
		gd__store_seq_cst(&gd__sched.stopping, 0); /* pairs with find_runnable */
	gd__unlock(&gd__sched.lock);
	if (woken)
		gd__sysmon_start();
	return woken;
}

static const struct gd__ctx *go_on_in_run(struct gd__g *g)
{
	(void)g;
	gd__m_leave();
	return &gd__sched.run_ctx;
}

/*
 * In the child of a fork the thread that waits in gd_run does not exist. Its stack does: gd_run
 * returns there, on this thread. Where another goroutine has forked, that one's
 * end is the end of the process, as with a thread that returns from its function after a fork.
 */
void gd__fork_end_main(void)
{
	struct gd__m *m = gd__m_self();
	void (*leave)(int) = exit; /* what the program has asked for with atexit is done */

	if (gd__sched.run_waits)
		gd__mcall(&m->cur->ctx, m->system_sp, go_on_in_run, m->cur);
	gd__m_leave();
	leave(0);
}

static struct gd__atfork world = { GD__RANK_STW, prepare_world, parent_world,
				   child_world,  NULL,          NULL };
static struct gd__atfork sched = { GD__RANK_SCHED, prepare_sched, parent_sched,
				   child_sched,    NULL,          NULL };

__attribute__((constructor(102))) static void register_handlers(void)
{
	gd__atfork_register(&world);
	gd__atfork_register(&sched);
}
