/*
 * mutex.c - a mutex for goroutines.
 *
 * One compare-and-swap when nobody waits. A goroutine that is woken competes
 * with those that come by (the mutex stays busy instead of waiting for a
 * sleeper), but one that has lost LOST_MAX times is handed the mutex directly,
 * so nobody starves. Counting losses, not time as Go does, keeps a simulated
 * schedule repeatable and the clock out of the path.
 *
 * Invariants, at each release of lock_:
 *   state_ has WAITERS  <=>  the queue is not empty
 * WAITERS changes under lock_ only, and only while LOCKED is set.
 * WOKEN: set under lock_ by the unlock that wakes; cleared by the one it woke.
 * owner_, owner_pc_: written by the holder, or by the one that hands it over;
 * 0 while nobody holds it, and for an instant after.
 */
#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/fork.h"
#include "runtime/sync/sync.h"

/* Times a waiter is woken in vain before it is handed the mutex. */
#define LOST_MAX 3

static _Atomic uint32_t *state_of(gd_mutex *m)
{
	return (_Atomic uint32_t *)&m->state_;
}

static void own(gd_mutex *m, const struct gd__g *g, uintptr_t pc)
{
	m->owner_ = g->id;
	m->owner_pc_ = gd__owner_pc(pc, m->owner_pc_);
}

/* Takes the mutex if it is free. The one who was woken also takes back WOKEN. */
static bool grab(gd_mutex *m, bool woken)
{
	uint32_t s = gd__load_relaxed(state_of(m)); /* the cas decides */

	while ((s & GD__MUTEX_LOCKED) == 0) {
		uint32_t next = (s | GD__MUTEX_LOCKED) & ~(woken ? GD__MUTEX_WOKEN : 0);

		/* pairs with the release in unlock */
		if (gd__cas_acquire(state_of(m), &s, next))
			return true;
	}
	return false;
}

/* Under lock_: announces a waiter. false: the mutex has become free. */
static bool announce(gd_mutex *m, bool woken)
{
	uint32_t s = gd__load_relaxed(state_of(m)); /* the cas decides */

	while ((s & GD__MUTEX_LOCKED) != 0) {
		uint32_t next = (s | GD__MUTEX_WAITERS) & ~(woken ? GD__MUTEX_WOKEN : 0);

		if (gd__cas_relaxed(state_of(m), &s, next)) /* lock_ orders the queue */
			return true;
	}
	return false;
}

/* lock_ held: the invariant. */
GD__UNUSED static bool queue_agrees(gd_mutex *m)
{
	bool waiters = (gd__load_relaxed(state_of(m)) & GD__MUTEX_WAITERS) != 0; /* under lock_ */

	return waiters != gd__waitq_empty(gd__word_queue(&m->first_));
}

static GD__NOINLINE void lock_slow(gd_mutex *m, struct gd__g *g, uintptr_t pc) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&m->lock_);
	struct gd__waitq *q = gd__word_queue(&m->first_);
	struct gd__waiter w = {
		.wait = { .obj = m, .kind = GD__OBJ_MUTEX, .op = GD__OP_LOCK },
		.g = g,
		.pc = pc,
	};
	bool woken = false;

	while (!grab(m, woken)) {
		gd__lock(l, GD__RANK_SYNC);
		if (!announce(m, woken)) {
			gd__unlock(l);
			continue;
		}
		if (woken)
			gd__waitq_push_front(q, &w);
		else
			gd__waitq_push(q, &w);
		gd__check_slow(queue_agrees(m));
		gd__wait_unlock(&w, GD__WAIT_MUTEX, l);
		if (g->wake_ok)
			return; /* handed over */
		woken = true;
		w.lost++;
	}
}

static GD__NOINLINE void hook_locked(gd_mutex *m, const struct gd__g *g)
{
	gd__hooks->acquire(g->hook_ctx, m);
	gd__hooks->lock(g->hook_ctx, m, 1);
}

static GD__ALWAYS_INLINE void lock(gd_mutex *m, struct gd__g *g, uintptr_t pc)
{
	uint32_t s = 0;

	/* pairs with the release in unlock */
	if (gd__unlikely(!gd__cas_acquire(state_of(m), &s, GD__MUTEX_LOCKED)))
		lock_slow(m, g, pc);
	own(m, g, pc);
	if (gd__unlikely(gd__hooks != NULL))
		hook_locked(m, g);
}

/*
 * Lets the first waiter go on. LOCKED is still set meanwhile and cleared last:
 * the goroutine that locks it next may free the memory the mutex is in.
 */
static void wake_first(gd_mutex *m) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&m->lock_);
	struct gd__waitq *q = gd__word_queue(&m->first_);

	gd__lock(l, GD__RANK_SYNC);
	gd__check((gd__load_relaxed(state_of(m)) & GD__MUTEX_LOCKED) != 0);

	struct gd__waiter *w = gd__waitq_take(q); /* NULL: all are gone, see fork.h */
	bool hand_over = w != NULL && w->lost >= LOST_MAX;
	struct gd__g *g = w != NULL ? gd__waiter_serve(w, hand_over) : NULL;

	if (hand_over)
		own(m, g, w->pc);
	else if (w != NULL)
		gd__or_relaxed(state_of(m), GD__MUTEX_WOKEN); /* guarded by lock_ */
	if (gd__waitq_empty(q))
		gd__and_relaxed(state_of(m), ~GD__MUTEX_WAITERS); /* guarded by lock_ */
	gd__check_slow(queue_agrees(m));
	gd__unlock(l);
	if (!hand_over)
		/* pairs with the acquire in grab and in the fast path */
		gd__and_release(state_of(m), ~GD__MUTEX_LOCKED);
	if (g != NULL)
		gd__ready(g);
}

static GD__NOINLINE void unlock_slow(gd_mutex *m, bool foreign)
{
	uint32_t s = gd__load_relaxed(state_of(m)); /* the cas decides */

	if (foreign && (s & GD__MUTEX_LOCKED) != 0)
		s = gd__or_relaxed(state_of(m), GD__MUTEX_SHARED) | GD__MUTEX_SHARED; /* a mark */
	for (;;) {
		if ((s & GD__MUTEX_LOCKED) == 0)
			gd__fatal("sync: unlock of unlocked mutex");
		/* With a woken one on its way there is nobody to wake; unless a fork lost it. */
		if ((s & GD__MUTEX_WAITERS) != 0 &&
		    ((s & GD__MUTEX_WOKEN) == 0 || gd__fork.gone != 0)) {
			wake_first(m);
			return;
		}
		/* pairs with the acquire in grab and in the fast path */
		if (gd__cas_release(state_of(m), &s, s & ~GD__MUTEX_LOCKED))
			return;
	}
}

static GD__NOINLINE void hook_unlocking(gd_mutex *m, const struct gd__g *g)
{
	gd__hooks->unlock(g->hook_ctx, m, 1);
	gd__hooks->release(g->hook_ctx, m);
}

static GD__ALWAYS_INLINE void unlock(gd_mutex *m, struct gd__g *g)
{
	uint32_t s = GD__MUTEX_LOCKED;
	bool foreign = m->owner_ != g->id;

	if (gd__unlikely(gd__hooks != NULL))
		hook_unlocking(m, g);
	m->owner_ = 0;
	/* pairs with the acquire in grab and in the fast path */
	if (gd__unlikely(foreign) || gd__unlikely(!gd__cas_release(state_of(m), &s, 0)))
		unlock_slow(m, foreign);
}

void gd__mutex_lock(gd_mutex *m, struct gd__g *g, uintptr_t pc)
{
	lock(m, g, pc);
}

void gd__mutex_unlock(gd_mutex *m, struct gd__g *g)
{
	unlock(m, g);
}

void gd_mutex_lock(gd_mutex *m)
{
	lock(m, gd__caller("gd_mutex_lock"), GD__CALLER_PC);
}

bool gd_mutex_try_lock(gd_mutex *m)
{
	struct gd__g *g = gd__caller("gd_mutex_try_lock");

	if (!grab(m, false)) {
		gd__sync_point(g);
		return false;
	}
	own(m, g, GD__CALLER_PC);
	if (gd__unlikely(gd__hooks != NULL))
		hook_locked(m, g);
	return true;
}

void gd_mutex_unlock(gd_mutex *m)
{
	struct gd__g *g = gd__caller("gd_mutex_unlock");

	unlock(m, g);
	gd__sync_point(g);
}
