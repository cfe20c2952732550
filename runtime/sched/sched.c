/*
 * sched.c - the scheduler's loop: find a goroutine, run it, again.
 *
 * After Go's design ("Scalable Go Scheduler Design", Vyukov 2012): Ps hold the
 * queues, Ms are threads, an M needs a P to run goroutines. Every function
 * here runs on an M's system stack or under sched.lock.
 */
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/cxx.h"
#include "runtime/sched/state.h"
#include "runtime/sched/switch.h"

struct gd__sched gd__sched = { .keeper = INT64_MAX };

int64_t gd__sched_alive(void)
{
	int64_t n = 0;

	/* Also Ps that gd_set_procs took away; relaxed: a sum of counts */
	for (int i = 0; i < GD__P_MAX; i++)
		n += gd__load_relaxed(&gd__allp[i].alive);
	return n;
}

void gd__sched_global_put(struct gd__g *g)
{
	gd__gqueue_put(&gd__sched.global, g);
	gd__store_relaxed(&gd__sched.global_n, (int32_t)gd__sched.global.n); /* a hint */
}

void gd__sched_global_put_all(struct gd__g *const *g, uint32_t n)
{
	gd__gqueue_put_all(&gd__sched.global, g, n);
	gd__store_relaxed(&gd__sched.global_n, (int32_t)gd__sched.global.n); /* a hint */
}

struct gd__g *gd__sched_global_get(struct gd__p *p, uint32_t most)
{
	uint32_t share = gd__sched.global.n / gd__load_relaxed(&gd__sched.procs) + 1; /* hint */
	struct gd__g *batch[GD__RUNQ_CAP / 2], *g;

	if (gd__sched.global.n == 0)
		return NULL;
	g = gd__gqueue_take(&gd__sched.global);
	share--;
	if (share > GD__RUNQ_CAP / 2)
		share = GD__RUNQ_CAP / 2;
	if (most > 0 && share > most - 1)
		share = most - 1;
	if (share > gd__sched.global.n)
		share = gd__sched.global.n;
	gd__gqueue_take_first(&gd__sched.global, batch, share);
	gd__store_relaxed(&gd__sched.global_n, (int32_t)gd__sched.global.n); /* a hint */
	for (uint32_t i = 0; i < share; i++)
		if (!gd__runq_put(&p->runq, batch[i]))
			gd__throw("sched: no room for a share of the global queue");
	return g;
}

void gd__p_acquire(struct gd__m *m, struct gd__p *p)
{
	gd__assert(m->p == NULL);
	m->p = p;
	p->m = m;
	gd__store_relaxed(&p->status, GD__P_RUNNING); /* p was handed over by lock, note or cas */
}

struct gd__p *gd__p_release(struct gd__m *m)
{
	struct gd__p *p = m->p;

	m->p = NULL;
	p->m = NULL;
	gd__store_relaxed(&p->status, GD__P_IDLE); /* handed on under sched.lock */
	return p;
}

void gd__p_idle_put(struct gd__p *p)
{
	gd__store_relaxed(&p->status, GD__P_IDLE); /* lock held */
	p->link = gd__sched.idle_p;
	gd__sched.idle_p = p;
	gd__add_seq_cst(&gd__sched.npidle, 1); /* pairs with the load in gd__wake_p */
}

struct gd__p *gd__p_idle_get(void)
{
	struct gd__p *p = gd__sched.idle_p;

	if (!p)
		return NULL;
	gd__sched.idle_p = p->link;
	gd__add_seq_cst(&gd__sched.npidle, -1);       /* pairs with the load in gd__wake_p */
	if (gd__load_seq_cst(&gd__sched.sysmon_idle)) /* pairs with the store in sleep_while_idle */
		gd__sysmon_wake();
	return p;
}

const struct gd__ctx *gd__execute(struct gd__m *m, struct gd__g *g, bool inherit)
{
	gd__g_set_status(g, GD__G_RUNNABLE, GD__G_RUNNING);
	gd__store_relaxed(&g->preempt, false); /* sysmon may set it again at any time */
	g->m = m;
	m->cur = g;
	gd__cxx_restore(m, g);
	if (!inherit)
		gd__count_relaxed(&m->p->schedtick, 1); /* only this M writes it */
	gd__hook(go_switch, g->hook_ctx);
	gd__leave_for_g(g);
	return &g->ctx;
}

/*
 * Before running: one more M may have to look, because goroutines readied while this one was
 * spinning did not wake anybody.
 */
static void stop_spinning(struct gd__m *m)
{
	m->spinning = false;
	/* pairs with the cas in gd__wake_p */
	if (gd__add_seq_cst(&gd__sched.nmspinning, -1) <= 0)
		gd__throw("sched: negative count of spinning threads");
	gd__wake_p();
}

const struct gd__ctx *gd__schedule(void)
{
	struct gd__m *m = gd__m_self();

	if (gd__unlikely(m->locked_g != NULL))
		return gd__locked_wait(m);
	return gd__schedule_from(m, NULL);
}

const struct gd__ctx *gd__schedule_from(struct gd__m *m, struct gd__g *g)
{
	bool inherit = false;

	for (;; g = NULL) {
		if (!g)
			g = gd__find_runnable(m, &inherit);
		if (m->spinning)
			stop_spinning(m);
		if (gd__likely(g->locked_m == NULL))
			return gd__execute(m, g, inherit);
		gd__locked_pass(m, g);
	}
}
