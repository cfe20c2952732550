/*
 * hog.c - a warning, with its stack, of a goroutine that was asked to give way and does not.
 *
 * It has run for the limit (hog_ms) without a safe point when that much CPU time of its thread has
 * passed since sysmon asked: not wall time, for a thread that gets no CPU, or is traced, or waits
 * in the kernel, keeps nobody from running by its own doing. Not warned of: a goroutine that is the
 * only one, one that is locked to its thread (the program has given it one on purpose), in
 * gd_syscall, or while the runtime makes use of its thread (a report). Once for each function and
 * place of creation.
 *
 * The thread is stopped by a signal for as long as it takes to walk its stack. All that is done by
 * a thread of its own: libraries are loaded and symbols looked up, and sysmon must not wait.
 */
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"

const struct gd__hog_hooks *gd__hog_hooks;

/* It has run for this long before it is asked. */
#define SLICE_NS INT64_C(10000000)
#define STOP_NS  INT64_C(20000000)
/* Places that are warned of; further ones are not. */
#define PLACES_MAX 64

static struct {
	void (*fn)(void *);
	const char *site;
} places[PLACES_MAX]; /* sysmon's own */
static uint32_t nplaces;

/* The one that is being reported. Written by sysmon while reporting is 0. */
static struct {
	struct gd__m *m;
	const struct gd__g *g;
	uint64_t goid;
	const char *name;
	int ms;
} hog;
static _Atomic uint32_t reporting;

static bool known(const struct gd__g *g)
{
	for (uint32_t i = 0; i < nplaces; i++)
		if (places[i].fn == g->fn && places[i].site == g->site)
			return true;
	return nplaces == PLACES_MAX;
}

static void report(void)
{
	const struct gd__hog_hooks *h = gd__hog_hooks;
	bool taken = false;

	if (h)
		h->prepare(hog.goid);
	if (gd__stw_stop_m(hog.m, STOP_NS)) {
		taken = h && hog.m->cur == hog.g && hog.g->id == hog.goid;
		if (taken)
			h->take();
		gd__stw_start_m(hog.m);
	}
	gd__warn("goroutine %lu (%s) has run for %d ms without a safe point",
		 (unsigned long)hog.goid, hog.name ? hog.name : "?", hog.ms);
	if (taken)
		h->print();
	gd__store_release(&reporting, 0); /* pairs with the load in gd__hog_look: hog is free */
}

/* Whether what g does is the program's doing, and anybody's loss. */
static bool counts(const struct gd__m *m, const struct gd__g *g)
{
	/* relaxed: hints */
	return m->system_depth == 0 && gd__load_relaxed(&m->busy) == 0 && !g->locked_m &&
	       !g->system && gd__sched_alive() > 1 && !gd__load_relaxed(&gd__sched.ended);
}

static void start_report(struct gd__m *m, const struct gd__g *g, int ms)
{
	places[nplaces].fn = g->fn;
	places[nplaces++].site = g->site;
	hog.m = m;
	hog.g = g;
	hog.goid = g->id;
	hog.name = g->name;
	hog.ms = ms;
	gd__store_relaxed(&reporting, 1); /* only sysmon sets it */
	if (!gd__m_try_helper(report))
		gd__store_relaxed(&reporting, 0); /* nobody else has seen it */
}

void gd__hog_look(struct gd__p *p, int64_t now)
{
	int64_t limit = gd__options.hog_ms * INT64_C(1000000) - SLICE_NS;
	struct gd__m *m = p->m;
	const struct gd__g *g = m ? m->cur : NULL;
	int64_t used;

	if (gd__options.hog_ms <= 0 || !g)
		return;
	if (p->asked != g || !counts(m, g) || !gd__load_relaxed(&g->preempt)) { /* a hint */
		p->asked = g;
		p->asked_at = now;
		p->asked_cpu = gd__os_thread_cpu(m->tid);
		return;
	}
	if (now - p->asked_at < limit || known(g) ||
	    gd__load_acquire(&reporting)) /* pairs with the store in report */
		return;
	used = gd__os_thread_cpu(m->tid) - p->asked_cpu;
	if (used >= limit)
		start_report(m, g, (int)((used + SLICE_NS) / 1000000));
}
