/*
 * park.c - park, ready, yield: what makes a goroutine stop and go on.
 *
 * A goroutine that parks first saves its context, and only then, on the
 * scheduler's stack, lets go of the lock that lets others find it. So nobody
 * can continue a context that is still being saved.
 */
#include "runtime/sched/park.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/base/waitreason.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/cxx.h"
#include "runtime/sched/oslock.h"
#include "runtime/sched/stack.h"
#include "runtime/sched/state.h"
#include "runtime/sched/switch.h"

/* Yields in a row that find their successor without a look at the sources. */
#define LOOK_TICK 61u

struct gd__g *gd__self_or_die(const char *call)
{
	struct gd__g *g = gd__self();

	if (!g)
		gd__fatal("%s called outside a goroutine", call);
	if (gd__load_relaxed(&g->status) == GD__G_SYSCALL) /* written by this thread */
		gd__fatal("%s called within gd_syscall", call);
	return g;
}

int gd__p_self(void)
{
	struct gd__m *m = gd__m_self();

	return m && m->p ? m->p->id : -1;
}

/* Takes the goroutine off its M. On the system stack. */
static void detach(struct gd__m *m, struct gd__g *g)
{
	m->cur = NULL;
	g->m = NULL;
	gd__cxx_save(m, g);
	if (g->ctx.sp < g->stack_low)
		g->stack_low = g->ctx.sp;
	if (gd__unlikely(g->unguarded))
		gd__stack_check(g);
	gd__hook(go_switch, NULL);
}

/* Handed over on the parking goroutine's stack. */
const struct gd__ctx *gd__park_commit(struct gd__g *g) GD_UNCHECKED
{
	gd__arrived();
	struct gd__m *m = gd__m_self();
	struct gd__parking *parking = g->park;
	bool (*commit)(struct gd__g *, void *) = parking->how->commit;
	struct gd__lock *unlock = parking->unlock;
	void *arg = parking->how->arg;

	detach(m, g);
	g->park = NULL;
	gd__g_set_status(g, GD__G_RUNNING, GD__G_WAITING);
	/* From the unlock on, g may run elsewhere: nothing of it is touched any more. */
	if (unlock)
		gd__unlock(unlock);
	if (commit && !commit(g, arg)) {
		gd__g_set_status(g, GD__G_WAITING, GD__G_RUNNABLE);
		return gd__execute(m, g, true);
	}
	return gd__schedule();
}

void gd__park(const struct gd__park *how)
{
	gd__park_here(how, NULL);
}

void gd__park_refused(const struct gd__m *m, const struct gd__park *how)
{
	gd__assert(m->cur != NULL && m->system_depth == 0);
	gd__fatal("%s waits within gd_syscall", gd__wait_text(how->reason));
}

/* Queues a runnable goroutine: on this thread's P, or on the global queue. */
static void queue(struct gd__g *g, bool next)
{
	struct gd__m *m = gd__m_self();

	if (m && m->p) {
		gd__p_put(m->p, g, next);
	} else {
		gd__lock(&gd__sched.lock, GD__RANK_SCHED);
		gd__sched_global_put(g);
		gd__unlock(&gd__sched.lock);
	}
	gd__wake_p();
}

void gd__ready(struct gd__g *g)
{
	gd__g_set_status(g, GD__G_WAITING, GD__G_RUNNABLE);
	queue(g, true);
}

/*
 * Whether find_runnable would come to take from the global queue, so that it can be done in the
 * same turn of the lock. Now and then it is asked all the same: it looks at timers and the network.
 */
static bool may_take_global(const struct gd__m *m)
{
	return gd__p_empty_own(m->p) && !m->locked_g &&
	       !gd__load_relaxed(&gd__sched.stopping) &&            /* stored under the lock */
	       gd__load_relaxed(&m->p->schedtick) % LOOK_TICK != 0; /* this M's */
}

static const struct gd__ctx *yield_commit(struct gd__g *g)
{
	gd__arrived();
	struct gd__m *m = gd__m_self();
	struct gd__g *next = NULL;
	bool wake;

	detach(m, g);
	gd__g_set_status(g, GD__G_RUNNING, GD__G_RUNNABLE);
	gd__lock(&gd__sched.lock, GD__RANK_SCHED);
	gd__sched_global_put(g);
	/* Else this M may run only one of them for a long time, beside an idle P. */
	wake = gd__load_relaxed(&gd__sched.npidle) > 0 && /* stored under the lock */
	       (gd__sched.global.n > 1 || !gd__p_empty_own(m->p));
	if (may_take_global(m))
		next = gd__sched_global_get(m->p, 0);
	gd__unlock(&gd__sched.lock);
	if (wake)
		gd__wake_p();
	return next ? gd__schedule_from(m, next) : gd__schedule();
}

void gd__yield_here(void)
{
	struct gd__m *m = gd__m_self();
	struct gd__g *g = m->cur;
	int saved_errno = gd__errno_get();

	if (gd__oslock_any(g))
		gd__oslock_leaves(g, GD__OSLOCK_YIELDS, 0);
	gd__leave_for_system(m);
	gd__mcall(&g->ctx, m->system_sp, yield_commit, g);
	gd__arrived();
	gd__errno_set(saved_errno);
}

GD__BACK(gd__yield, gd__yield_here);

void gd__safe_point(struct gd__g *g)
{
	/* A request, not a hand-over. Nobody asked the goroutine whether it holds an OS lock. */
	if (gd__unlikely(gd__load_relaxed(&g->preempt)) && !gd__oslock_any(g))
		gd__yield();
}

struct system_call {
	void (*fn)(void *);
	void *arg;
	const struct gd__g *from;
};

static void system_entry(void *arg)
{
	const struct system_call *call = arg;

	gd__arrived();
	call->fn(call->arg);
	gd__leave_for_g(call->from);
}

void gd__on_system_stack(void (*fn)(void *), void *arg)
{
	struct gd__m *m = gd__m_self();
	struct system_call call = { fn, arg, m ? m->cur : NULL };

	if (!m || !m->cur || m->system_depth > 0) {
		fn(arg);
		return;
	}
	m->system_depth = 1;
	gd__hook(go_switch, NULL);
	gd__leave_for_system(m);
	gd__call_on(m->system_sp, system_entry, &call);
	gd__arrived();
	m->system_depth = 0; /* fn does not park: still the same thread */
	gd__hook(go_switch, m->cur->hook_ctx);
}
