/*
 * oslock.c - findings about OS locks that goroutines hold.
 *
 * They are found with locks of the runtime held, and printing needs malloc: so a finding is data
 * first, in a table of fixed size that also tells which ones were found before, and
 * sysmon prints it.
 */
#include "runtime/sched/oslock.h"

#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/lock.h"
#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"

struct gd__oslock_finding gd__oslock_findings[GD__OSLOCK_FINDINGS];
_Atomic uint32_t gd__oslock_pending;
void (*gd__oslock_print)(void);

static struct gd__lock lock; /* rank LEAF: who fills the next finding */

#define FLUSH_LIMIT_NS INT64_C(2000000000)

uint32_t gd__oslock_stack(const struct gd__g *g, uintptr_t *pcs, uint32_t max)
{
	const uintptr_t *frame = __builtin_frame_address(0);
	uint32_t n = 0;

	while ((uintptr_t)frame >= g->stack_lo && (uintptr_t)(frame + 2) <= g->stack_hi &&
	       n < max && frame[1] != 0) {
		const uintptr_t *up = (const uintptr_t *)frame[0];

		pcs[n++] = frame[1];
		if (up <= frame || ((uintptr_t)up & 7))
			break;
		frame = up;
	}
	return n;
}

/* A free place in the table, or NULL: it is full, or this was found before. Lock held. */
static struct gd__oslock_finding *place_for(const struct gd__oslock *l, enum gd__oslock_event event,
					    uint32_t reason)
{
	for (int i = 0; i < GD__OSLOCK_FINDINGS; i++) {
		struct gd__oslock_finding *f = &gd__oslock_findings[i];

		if (gd__load_relaxed(&f->state) == GD__OSLOCK_FREE) /* changes under the lock */
			return f;
		if (f->event == event && f->reason == reason && f->lock.pcs[0] == l->pcs[0])
			return NULL;
	}
	return NULL;
}

void gd__oslock_found(const struct gd__g *g, const struct gd__oslock *l,
		      enum gd__oslock_event event, uint32_t reason)
{
	struct gd__oslock_finding *f;

	gd__lock(&lock, GD__RANK_LEAF);
	f = place_for(l, event, reason);
	if (f) {
		f->event = event;
		f->reason = reason;
		f->goid = g->id;
		f->name = g->name;
		f->lock = *l;
		f->npcs = gd__oslock_stack(g, f->pcs, gd__countof(f->pcs));
		gd__store_release(&f->state, GD__OSLOCK_READY); /* pairs with the cas in print */
	}
	gd__unlock(&lock);
	if (!f)
		return;
	gd__add_seq_cst(&gd__oslock_pending, 1);      /* pairs with sleep_while_idle */
	if (gd__load_seq_cst(&gd__sched.sysmon_idle)) /* pairs with sleep_while_idle */
		gd__sysmon_wake();
}

void gd__oslock_leaves(const struct gd__g *g, enum gd__oslock_event event, uint32_t reason)
{
	for (uint32_t i = 0; i < g->oslocks->n; i++)
		gd__oslock_found(g, &g->oslocks->held[i], event, reason);
}

static bool all_printed(void)
{
	for (int i = 0; i < GD__OSLOCK_FINDINGS; i++) {
		/* pairs with the store in print: the text is out */
		uint32_t state = gd__load_acquire(&gd__oslock_findings[i].state);

		if (state == GD__OSLOCK_READY || state == GD__OSLOCK_PRINTING)
			return false;
	}
	return true;
}

static void print(void *unused)
{
	(void)unused;
	gd__oslock_print();
}

void gd__oslock_flush(void)
{
	int64_t end;

	if (!gd__oslock_print)
		return;
	if (gd__load_relaxed(&gd__oslock_pending) > 0) /* looked at again below */
		gd__on_system_stack(print, NULL);
	end = gd__os_now() + FLUSH_LIMIT_NS;
	while (!all_printed() && gd__os_now() < end)
		gd__os_nanosleep(1000000);
}
