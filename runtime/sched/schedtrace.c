/*
 * schedtrace.c - the scheduler's state as text: one line, or one for each P, M and goroutine.
 *
 * In Go's layout, with words for states. By sysmon, every `schedtrace` ms, and nothing is stopped
 * for it: records are copied while their owners go on, so each line may be of another moment,
 * and two that belong together may disagree. Records are never unmapped.
 */
#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fmt.h"
#include "runtime/base/options.h"
#include "runtime/base/waitreason.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/gtab.h"
#include "runtime/sched/state.h"

/* sysmon has other things to do than wait for a reader. */
#define PATIENCE_NS INT64_C(10000000)
/* The number of a NULL. */
#define NONE (-1)

static void print_id(struct gd__out *o, const char *key, int64_t id)
{
	if (id == NONE)
		gd__out_fmt(o, " %s=nil", key);
	else
		gd__out_fmt(o, " %s=%lld", key, (long long)id);
}

static int64_t m_id(const struct gd__m *m)
{
	return m ? m->id : NONE;
}

static int64_t p_id(const struct gd__p *p)
{
	return p ? p->id : NONE;
}

static int64_t g_id(const struct gd__g *g)
{
	return g ? (int64_t)g->id : NONE;
}

static void print_p(struct gd__out *o, struct gd__p *p)
{
	static const char *const states[] = {
		[GD__P_NONE] = "none",       [GD__P_IDLE] = "idle",
		[GD__P_RUNNING] = "running", [GD__P_SYSCALL] = "syscall",
		[GD__P_STOPPED] = "stopped",
	};

	gd__out_fmt(o, "  P%d: status=%s schedtick=%u syscalltick=%u", p->id,
		    states[gd__load_relaxed(&p->status)], gd__load_relaxed(&p->schedtick),
		    gd__load_relaxed(&p->syscalltick));
	print_id(o, "m", m_id(p->m));
	gd__out_fmt(o, " runqsize=%u gfreecnt=%u\n",
		    gd__runq_len(&p->runq) + (gd__load_relaxed(&p->runnext) != NULL), p->nfree);
}

static void print_m(struct gd__out *o, const struct gd__m *m)
{
	gd__out_fmt(o, "  M%d: tid=%d", m->id, m->tid);
	print_id(o, "p", p_id(m->p));
	print_id(o, "curg", g_id(m->cur));
	gd__out_fmt(o, " spinning=%s helper=%s", m->spinning ? "true" : "false",
		    m->helper ? "true" : "false");
	print_id(o, "lockedg", g_id(m->locked_g));
	gd__out_str(o, "\n");
}

static void print_g(struct gd__out *o, const struct gd__g *g)
{
	static const char *const states[] = {
		[GD__G_FREE] = "free",       [GD__G_RUNNABLE] = "runnable",
		[GD__G_RUNNING] = "running", [GD__G_SYSCALL] = "syscall",
		[GD__G_WAITING] = "waiting", [GD__G_DEAD] = "dead",
	};
	uint32_t status = gd__load_relaxed(&g->status);

	if (status == GD__G_FREE || status > GD__G_DEAD || gd__fork_is_gone(g->id))
		return;
	gd__out_fmt(o, "  G%llu: status=%s(%s)", (unsigned long long)g->id, states[status],
		    status == GD__G_WAITING ? gd__wait_text(g->wait_reason) : "");
	/* Left over from before in one that does not run. */
	print_id(o, "m", status == GD__G_RUNNING || status == GD__G_SYSCALL ? m_id(g->m) : NONE);
	print_id(o, "lockedm", m_id(g->locked_m));
	gd__out_str(o, "\n");
}

static void print_goroutines(struct gd__out *o)
{
	uint32_t n = gd__load_acquire(&gd__gtab.head.n); /* pairs with grow in g.c: the arenas */

	for (uint32_t i = 0; i < n && !o->stuck; i++) {
		const struct gd__arena *a = &gd__gtab.arena[i];
		/* pairs with take_fresh in g.c: the records */
		uint32_t used = gd__load_acquire(&a->used);

		for (uint32_t k = 0; k < used; k++) {
			struct gd__g copy;

			memcpy(&copy,
			       (const void *)gd__g_address((uintptr_t)a->base,
							   gd__gtab.head.slot_size, k),
			       sizeof(copy));
			print_g(o, &copy);
		}
	}
}

static void print_detail(struct gd__out *o)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* a snapshot */

	for (uint32_t i = 0; i < n; i++)
		print_p(o, &gd__allp[i]);
	/* pairs with the publication in m.c: the records; the links are written before it */
	for (const struct gd__m *m = gd__load_acquire(&gd__sched.allm); m;
	     m = gd__load_relaxed(&m->all)) {
		struct gd__m copy;

		memcpy(&copy, m, sizeof(copy));
		print_m(o, &copy);
	}
	print_goroutines(o);
}

void gd__schedtrace(int64_t now)
{
	uint32_t n = gd__load_relaxed(&gd__sched.procs); /* all of this is a snapshot */
	char buf[1024];
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), 2);
	o.patience_ns = PATIENCE_NS;
	gd__out_fmt(&o,
		    "SCHED %ldms: procs=%u idleprocs=%d threads=%d spinningthreads=%d "
		    "idlethreads=%d goroutines=%ld runqueue=%d [",
		    (now - gd__sched.started_at) / 1000000, n, gd__load_relaxed(&gd__sched.npidle),
		    gd__sched.nm, gd__load_relaxed(&gd__sched.nmspinning), gd__sched.nmidle,
		    gd__sched_alive(), gd__load_relaxed(&gd__sched.global_n));
	for (uint32_t i = 0; i < n; i++)
		gd__out_fmt(&o, i ? " %u" : "%u", gd__runq_len(&gd__allp[i].runq));
	gd__out_str(&o, "]\n");
	if (gd__options.scheddetail)
		print_detail(&o);
	gd__out_flush(&o);
}
