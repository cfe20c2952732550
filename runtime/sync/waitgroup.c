/*
 * waitgroup.c - waits until a counter is zero.
 *
 * Counter and number of waiters are one 64-bit word, so that the add that
 * brings the counter to zero sees at once whether anybody waits; only then
 * does it need lock_.
 *
 * Invariants: waiters_ == length of the queue at each release of lock_ ;
 *   waiters_ > 0  =>  count_ > 0, but for the moment in which the add that
 *   brought it to zero has not yet taken lock_.
 * waiters_ changes under lock_ only, count_ by anybody.
 *
 * Who added and was done last is noted for reports, before the counter changes: after that the
 * group may be gone. Adds at the same time may mix their notes; each is that of one of them.
 */
#include <gdetect/error.h>

#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sync/sync.h"
#include "runtime/sync/wait_here.h"

_Static_assert(offsetof(gd_waitgroup, count_) % 8 == 0, "one aligned word");
_Static_assert(offsetof(gd_waitgroup, waiters_) == offsetof(gd_waitgroup, count_) + 4, "adjacent");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "count_ is the low half");

static _Atomic uint64_t *state_of(gd_waitgroup *w)
{
	return (_Atomic uint64_t *)(void *)&w->count_;
}

static int32_t count_of(uint64_t s)
{
	return (int32_t)(uint32_t)s;
}

static uint32_t waiters_of(uint64_t s)
{
	return (uint32_t)(s >> 32);
}

#define ONE_WAITER (UINT64_C(1) << 32)

/* Adds n to the low half without a carry into the other; the new word. */
static uint64_t add_count(gd_waitgroup *w, int32_t n)
{
	uint64_t s = gd__load_relaxed(state_of(w)); /* the cas decides */
	uint64_t next;

	do {
		next = (s & ~(uint64_t)UINT32_MAX) | (uint32_t)((uint32_t)s + (uint32_t)n);
		/* pairs with the acquire of the waiter, and with that of the last add */
	} while (!gd__cas_acq_rel(state_of(w), &s, next));
	return next;
}

/* The counter has come to zero and somebody waits. s is the word that add made. */
static void release_all(gd_waitgroup *w, uint64_t s) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&w->lock_);
	struct gd__waitq *q = gd__word_queue(&w->first_);
	struct gd__wakelist list;
	struct gd__waiter *waiter;

	gd__wakelist_init(&list);
	gd__lock(l, GD__RANK_SYNC);
	/* Only an add can have changed it: nobody begins to wait at zero. */
	if (!gd__cas_relaxed(state_of(w), &s, 0)) { /* lock_ orders the queue */
		gd__unlock(l);
		gd__fatal("sync: WaitGroup misuse: Add called concurrently with Wait");
	}
	while ((waiter = gd__waitq_take(q)) != NULL)
		gd__wakelist_add(&list, gd__waiter_serve(waiter, true));
	gd__unlock(l);
	gd__wakelist_ready(&list);
}

/*
 * The first add reads, the first wait writes an address of no other use: when
 * they are not ordered the detector reports it, as Go's does. Adds among
 * themselves may be unordered.
 */
static void hook_add(gd_waitgroup *w, const struct gd__g *g, int n, uintptr_t pc)
{
	if (g != NULL && n < 0)
		gd__hooks->release_merge(g->hook_ctx, w);
	if (g != NULL && n > 0 && count_of(gd__load_relaxed(state_of(w))) == 0)
		gd__hooks->read(g->hook_ctx, w->access_, 1, pc);
}

static void note(gd_waitgroup *w, bool done, const struct gd__g *g, uintptr_t pc)
{
	uint64_t *id = done ? &w->done_id_ : &w->add_id_;
	const void **at = done ? &w->done_pc_ : &w->add_pc_;

	/* relaxed: read in a stopped world */
	gd__store_relaxed((_Atomic uint64_t *)(void *)id, g != NULL ? g->id : 0);
	gd__store_relaxed((_Atomic uintptr_t *)(void *)at, pc);
}

static void add(gd_waitgroup *w, int n, uintptr_t pc)
{
	struct gd__g *g = gd__self();

	if (gd__unlikely(gd__hooks != NULL))
		hook_add(w, g, n, pc);

	note(w, n < 0, g, pc);

	uint64_t s = add_count(w, n);

	if (gd__unlikely(count_of(s) < 0))
		gd__fatal("sync: negative WaitGroup counter");
	if (waiters_of(s) != 0 && n > 0 && count_of(s) == n)
		gd__fatal("sync: WaitGroup misuse: Add called concurrently with Wait");
	if (count_of(s) == 0 && waiters_of(s) > 0)
		release_all(w, s);
	gd__sync_point(g);
}

void gd_waitgroup_add(gd_waitgroup *w, int n)
{
	add(w, n, GD__CALLER_PC);
}

void gd_waitgroup_done(gd_waitgroup *w)
{
	add(w, -1, GD__CALLER_PC);
}

/* Under lock_: one waiter more; false if the counter is zero. */
static bool announce(gd_waitgroup *w)
{
	uint64_t s = gd__load_acquire(state_of(w)); /* pairs with the cas of the last add */

	while (count_of(s) != 0) {
		/* pairs with the cas in add_count */
		if (gd__cas_acq_rel(state_of(w), &s, s + ONE_WAITER))
			return true;
	}
	return false;
}

bool gd__waitgroup_abandon(struct gd__waiter *waiter) GD_UNCHECKED
{
	gd_waitgroup *w = (gd_waitgroup *)(uintptr_t)waiter->wait.obj;
	struct gd__lock *l = gd__word_lock(&w->lock_);
	bool waits;

	if (!gd__lock_try(l, GD__RANK_SYNC))
		return false;

	uint64_t s = gd__load_relaxed(state_of(w)); /* the cas decides */

	/* At zero the add that brought it there is about to wake them. */
	do {
		waits = waiter->g->wake_waiter == NULL && count_of(s) != 0;
	} while (waits && !gd__cas_relaxed(state_of(w), &s, s - ONE_WAITER)); /* lock_ orders */
	if (waits)
		gd__waitq_remove(gd__word_queue(&w->first_), waiter);
	gd__unlock(l);
	return waits;
}

static int wait_slow(gd_waitgroup *w, struct gd__g *g, uintptr_t pc) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&w->lock_);
	struct gd__waiter waiter = {
		.wait = { .obj = w, .kind = GD__OBJ_WAITGROUP, .op = GD__OP_WAIT },
		.g = g,
		.pc = pc,
	};

	gd__lock(l, GD__RANK_SYNC);
	if (!announce(w)) {
		gd__unlock(l);
		return GD_OK;
	}
	/* relaxed: waiters_ changes under lock_ only */
	if (gd__unlikely(gd__hooks != NULL) && waiters_of(gd__load_relaxed(state_of(w))) == 1)
		gd__hooks->write(g->hook_ctx, w->access_, 1, pc);
	gd__waitq_push(gd__word_queue(&w->first_), &waiter);
	gd__wait_unlock(&waiter, GD__WAIT_WAITGROUP, l);
	return gd__wait_leaked(g) ? GD_ELEAKED : GD_OK;
}

int gd_waitgroup_wait(gd_waitgroup *w)
{
	struct gd__g *g = gd__caller("gd_waitgroup_wait");
	uint64_t s = gd__load_acquire(state_of(w)); /* pairs with the cas of the last add */

	int rc = GD_OK;

	if (count_of(s) != 0)
		rc = wait_slow(w, g, GD__CALLER_PC);
	else
		gd__sync_point(g);
	if (gd__unlikely(gd__hooks != NULL) && rc == GD_OK)
		gd__hooks->acquire(g->hook_ctx, w);
	return rc;
}
