/*
 * oslock.c - keeps the list of OS locks of each goroutine, and prints what sched/oslock.c finds.
 */
#include "runtime/inspect/oslock.h"

#include "runtime/base/atomic.h"
#include "runtime/base/fmt.h"
#include "runtime/base/lock.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/base/waitreason.h"
#include "runtime/inspect/traceback.h"
#include "runtime/sched/m.h"
#include "runtime/sched/oslock.h"
#include "runtime/sched/sched.h"

static int (*output)(void);

/* --- the lists --- */

/* Given out once to each goroutine record that ever takes a lock; never taken back. */
static struct gd__oslocks *make_list(void)
{
	static struct gd__lock lock; /* rank LEAF */
	static struct gd__oslocks *page, *page_end;
	struct gd__oslocks *l = NULL;

	gd__lock(&lock, GD__RANK_LEAF);
	if (page == page_end) {
		page = gd__os_map(16 * GD__PAGE);
		page_end = page ? page + 16 * GD__PAGE / sizeof(*page) : NULL;
	}
	if (page)
		l = page++;
	gd__unlock(&lock);
	return l;
}

/* The calls of a lock function are its caller's: frames of interposers are left out. */
static uint32_t stack_from(const struct gd__g *g, uintptr_t pc, uintptr_t *pcs)
{
	uintptr_t all[GD__OSLOCK_FRAMES + 4];
	uint32_t n = gd__oslock_stack(g, all, gd__countof(all)), from = 0, got = 1;

	pcs[0] = pc;
	while (from < n && all[from] != pc)
		from++;
	for (uint32_t i = from + 1; i < n && got < GD__OSLOCK_FRAMES; i++)
		pcs[got++] = all[i];
	return got;
}

void gd__oslock_acquired(const void *lock, const char *what, uintptr_t pc)
{
	struct gd__g *g = gd__self();
	struct gd__oslocks *l;
	struct gd__oslock *o;

	if (!g || !gd__options.os_locks)
		return;
	l = g->oslocks ? g->oslocks : make_list();
	if (!l)
		return;
	if (l->n == GD__OSLOCK_HELD) {
		l->lost++;
		return;
	}
	o = &l->held[l->n];
	o->lock = lock;
	o->what = what;
	o->tid = g->m->tid;
	o->npcs = stack_from(g, pc, o->pcs);
	l->n++;
	g->oslocks = l;
}

void gd__oslock_released(const void *lock)
{
	struct gd__g *g = gd__self();
	struct gd__oslocks *l = g ? g->oslocks : NULL;

	for (uint32_t i = l ? l->n : 0; i-- > 0;) {
		if (l->held[i].lock != lock)
			continue;
		if (l->held[i].tid != g->m->tid)
			gd__oslock_found(g, &l->held[i], GD__OSLOCK_UNLOCKS, 0);
		for (l->n--; i < l->n; i++)
			l->held[i] = l->held[i + 1];
		return;
	}
}

/* --- the reports --- */

void gd__oslock_output(int (*fd)(void))
{
	output = fd;
}

static void print_event(struct gd__out *o, const struct gd__oslock_finding *f)
{
	gd__out_fmt(o, "WARNING: gdetect: goroutine %lu (%s) ", f->goid, f->name ? f->name : "?");
	switch (f->event) {
	case GD__OSLOCK_PARKS:
		gd__out_fmt(o, "waits (%s) while it holds", gd__wait_text(f->reason));
		break;
	case GD__OSLOCK_YIELDS:
		gd__out_str(o, "gives way while it holds");
		break;
	case GD__OSLOCK_UNLOCKS:
		gd__out_str(o, "unlocks, on another thread than the one that locked it,");
		break;
	default:
		gd__out_str(o, "ends while it holds");
	}
	gd__out_fmt(o, " %s %p\n", f->lock.what, f->lock.lock);
}

static void print_finding(struct gd__out *o, const struct gd__oslock_finding *f)
{
	gd__out_str(o, "==================\n");
	print_event(o, f);
	gd__print_stack(o, f->pcs, f->npcs);
	gd__out_str(o, "  locked at:\n");
	gd__print_stack(o, f->lock.pcs, f->lock.npcs);
	gd__out_str(o, "  it belongs to a thread: others that want it block theirs, and the "
		       "goroutine may go on\n  on another, which may not unlock it; unlock it "
		       "first, or use a gd_mutex\n==================\n");
}

static void print_pending(void)
{
	static struct gd__lock printing; /* rank STW: guards text; nothing is held here */
	static char text[4096];
	struct gd__out o;

	gd__trace_prepare();
	gd__lock(&printing, GD__RANK_STW);
	gd__out_init(&o, text, sizeof(text), output ? output() : 2);
	for (int i = 0; i < GD__OSLOCK_FINDINGS; i++) {
		struct gd__oslock_finding *f = &gd__oslock_findings[i];
		uint32_t ready = GD__OSLOCK_READY;

		/* pairs with the store in gd__oslock_found: what was found */
		if (!gd__cas_acquire(&f->state, &ready, GD__OSLOCK_PRINTING))
			continue;
		gd__add_relaxed(&gd__oslock_pending, -1u); /* a count */
		print_finding(&o, f);
		gd__out_flush(&o);
		gd__store_release(&f->state, GD__OSLOCK_PRINTED); /* pairs with all_printed */
	}
	gd__unlock(&printing);
}

__attribute__((constructor(103))) static void install(void)
{
	gd__oslock_print = print_pending;
}
