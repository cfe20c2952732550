/*
 * recover.c - the goroutine's consent, and the wake-up of one that is proven stuck.
 *
 * Consent is the goroutine's own, because a caller that does not look at results would believe
 * that its value was sent or its lock taken. It is used up by what cannot help: who waits
 * again for the object it was told of, or was told TELLINGS_MAX times, has not listened.
 */
#include "runtime/sync/recover.h"

#include "runtime/base/atomic.h"
#include "runtime/base/waitreason.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"

#define TELLINGS_MAX 8

/* The i-th waiter of g, which is parked. */
static struct gd__waiter *waiter_of(const struct gd__g *g, uint32_t i)
{
	return (struct gd__waiter *)((uintptr_t)g->waits + (uintptr_t)i * g->wait_stride);
}

/*
 * Names what g waits for and how, whatever the order of a select's cases. Not where: compilers
 * peel loops, so that a second turn calls from another place.
 */
static uintptr_t subject(const struct gd__g *g)
{
	uintptr_t sum = g->wait_reason; /* objects are aligned */

	for (uint32_t i = 0; i < g->nwaits; i++)
		sum += (uintptr_t)waiter_of(g, i)->wait.obj;
	return sum;
}

static bool has_code(const struct gd__g *g)
{
	return g->wait_reason != GD__WAIT_SELECT_NONE &&
	       !(g->wait_reason == GD__WAIT_MUTEX && waiter_of(g, 0)->fixed);
}

enum gd__recovered gd__recover_look(const struct gd__g *g, uint64_t id, uint32_t parks)
{
	/* relaxed: the world is stopped */
	if (gd__load_relaxed(&g->status) != GD__G_WAITING || g->id != id || g->parks != parks ||
	    g->wake_waiter != NULL || g->wait_timed != 0 || !gd__wait_stuck(g->wait_reason))
		return GD__RECOVER_GONE;
	if (!has_code(g))
		return GD__RECOVER_NO_CODE;
	if (!g->recoverable)
		return GD__RECOVER_NOT_ASKED;
	if (g->tellings == TELLINGS_MAX || (g->tellings > 0 && g->told_of == subject(g)))
		return GD__RECOVER_TOLD;
	return GD__RECOVERED;
}

/* From here on nobody else can wake g. */
static bool abandon(struct gd__g *g)
{
	struct gd__waiter *w = g->nwaits > 0 ? waiter_of(g, 0) : NULL;
	uint32_t open = 0;

	/* A select, or a nil channel: whoever wants to wake it must win. pairs with gd__waiter_win
	 */
	if (w == NULL || w->raced)
		return gd__cas_acq_rel(&g->select_done, &open, 1);
	switch (w->wait.kind) {
	case GD__OBJ_CHAN:
		return gd__chan_abandon((gd_chan *)(uintptr_t)w->wait.obj, w);
	case GD__OBJ_MUTEX:
		return gd__mutex_abandon(w);
	case GD__OBJ_RWMUTEX:
		return gd__rwmutex_abandon(w);
	case GD__OBJ_WAITGROUP:
		return gd__waitgroup_abandon(w);
	case GD__OBJ_COND:
		return gd__cond_abandon(w);
	default:
		return false;
	}
}

enum gd__recovered gd__recover(struct gd__g *g, uint64_t id, uint32_t parks)
{
	enum gd__recovered look = gd__recover_look(g, id, parks);

	if (look != GD__RECOVERED)
		return look;

	uintptr_t told_of = subject(g);

	if (!abandon(g))
		return GD__RECOVER_IN_USE;
	g->wake_ok = false;
	g->leaked = true;
	g->told_of = told_of;
	g->tellings++;
	g->recovered++;
	gd__ready(g);
	return GD__RECOVERED;
}

bool gd_go_recoverable(bool on)
{
	struct gd__g *g = gd__caller("gd_go_recoverable");
	bool before = g->recoverable;

	g->recoverable = on;
	g->tellings = 0;
	return before;
}

unsigned gd_go_recovered(void)
{
	return gd__caller("gd_go_recovered")->recovered;
}
