/*
 * mutex.c - a mutex for goroutines.
 *
 * One compare-and-swap when nobody waits. A goroutine that is woken competes
 * with those that come by (the mutex stays busy instead of waiting for a
 * sleeper), but one that has lost LOST_MAX times is handed the mutex directly,
 * so nobody starves. Counting losses, not time as Go does, keeps a simulated
 * schedule repeatable and the clock out of the path.
 *
 * Unlock of a mutex that nobody ever waited for is no locked instruction, but a load that sees
 * LOCKED alone and a store of 0: 2.7 ns for lock and unlock together, against 4.4. The first one
 * who has to wait marks it as BUSY for good, and must not be overlooked by an unlock between its
 * load and its store:
 *
 *   unlock: m->unlocking = the mutex; load state; store state; m->unlocking = NULL
 *   waiter: set BUSY; barrier on all threads; wait until no m->unlocking is the mutex; look at BUSY
 *
 * If the load came before the barrier, so did the store to unlocking, and the waiter waits for that
 * unlock to be over; then it sees whether its mark was overwritten, and sets it again. If the load
 * came after the barrier, it sees the mark. So once BUSY is seen after the wait no such unlock is
 * under way or to come. One marks at a time, under lock_: else the mark that is seen after the wait
 * could be another's, set again after the first was overwritten, and not yet waited for; and a
 * waiter who finds BUSY can rely on it under lock_ only. After its store an unlock touches the
 * thread's own memory only: the mutex may be freed by the next one who locks it. Without the
 * kernel's barrier all unlocks are as on a mutex that is BUSY. (Rejected: rseq, assembler for each
 * machine; a word of waiters read after the store: it may be freed memory by then.)
 *
 * Invariants, at each release of lock_:
 *   state_ has WAITERS  <=>  the queue is not empty
 * WAITERS changes under lock_ only, and only while LOCKED is set.
 * BUSY never goes; WAITERS => BUSY.
 * WOKEN: set under lock_ by the unlock that wakes; cleared by the one it woke.
 * owner_, owner_pc_: written by the holder, or by the one that hands it over;
 * 0 while nobody holds it, and for an instant after.
 */
#include <gdetect/error.h>

#include "runtime/base/cpu.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/m.h"
#include "runtime/sched/state.h"
#include "runtime/sync/sync.h"
#include "runtime/sync/wait_here.h"

/* Times a waiter is woken in vain before it is handed the mutex. */
#define LOST_MAX 3

/*
 * Looks before a goroutine parks, and pauses in between: some 2 us, of which the holder has all but
 * the looks for itself. Four goroutines on 2 Ps, 50 ns in the lock of 250: 1.6 times Go's time
 * without, 1.05 with; eight that do nothing else: 0.70 and 0.74 (Go 1.26, measured 2026).
 */
#define SPINS  4
#define PAUSES 30

/* The word that unlock may replace by a plain store; none without a barrier. Set before gd_run. */
#define NO_WORD UINT32_MAX
static uint32_t plain = NO_WORD;

__attribute__((constructor(102))) static void init(void)
{
	if (gd__os_barrier_init())
		plain = GD__MUTEX_LOCKED;
}

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

/* An unlock that did not see what was marked before is over. */
static void await_unlocks(const gd_mutex *m)
{
	gd__os_barrier(); /* the two-sided story is at the top */
	/* pairs with the publication of an M */
	for (const struct gd__m *t = gd__load_acquire(&gd__sched.allm); t != NULL;
	     t = gd__load_relaxed(&t->all)) /* set before publication */
		/* pairs with the last store in unlock: the word is written */
		while (gd__load_acquire(&t->unlocking) == m)
			gd__os_nanosleep(1000); /* it has lost its CPU in between: rare */
}

/* Under lock_: from here on every unlock looks. false: it has become free. */
static bool mark_busy(gd_mutex *m)
{
	for (;;) {
		uint32_t s = gd__load_relaxed(state_of(m)); /* the cas decides */

		if ((s & GD__MUTEX_BUSY) != 0)
			return true;
		if ((s & GD__MUTEX_LOCKED) == 0)
			return false;
		/* relaxed: the barrier orders it before the loads below */
		if (gd__cas_relaxed(state_of(m), &s, s | GD__MUTEX_BUSY) && plain != NO_WORD)
			await_unlocks(m);
	}
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

/* Waits a moment for a holder on another P, if this P has nothing else to do. */
static bool spin(gd_mutex *m, bool woken)
{
	const struct gd__m *self = gd__m_self();

	/* relaxed: changes only in a stopped world */
	if (gd__load_relaxed(&gd__sched.procs) == 1 || self->p == NULL || !gd__p_empty(self->p))
		return false;
	for (int i = 0; i < SPINS; i++) {
		for (int k = 0; k < PAUSES; k++)
			gd__cpu_pause();
		if (grab(m, woken))
			return true;
	}
	return false;
}

bool gd__mutex_abandon(struct gd__waiter *w) GD_UNCHECKED
{
	gd_mutex *m = (gd_mutex *)(uintptr_t)w->wait.obj;
	struct gd__lock *l = gd__word_lock(&m->lock_);
	struct gd__waitq *q = gd__word_queue(&m->first_);
	bool waits;

	if (!gd__lock_try(l, GD__RANK_SYNC))
		return false;
	/* Of an unlocked mutex somebody is about to be woken. */
	waits = w->g->wake_waiter == NULL &&
		(gd__load_relaxed(state_of(m)) & GD__MUTEX_LOCKED) != 0; /* world stopped */
	if (waits) {
		gd__waitq_remove(q, w);
		if (gd__waitq_empty(q))
			gd__and_relaxed(state_of(m), ~GD__MUTEX_WAITERS); /* guarded by lock_ */
		gd__check_slow(queue_agrees(m));
	}
	gd__unlock(l);
	return waits;
}

/* fixed: the caller cannot say GD_ELEAKED. */
static GD__NOINLINE int lock_slow(gd_mutex *m, struct gd__g *g, uintptr_t pc,
				  bool fixed) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&m->lock_);
	struct gd__waitq *q = gd__word_queue(&m->first_);
	struct gd__waiter w = {
		.wait = { .obj = m, .kind = GD__OBJ_MUTEX, .op = GD__OP_LOCK },
		.g = g,
		.pc = pc,
		.fixed = fixed,
	};
	bool woken = false;

	while (!grab(m, woken)) {
		if (spin(m, woken))
			return GD_OK;
		gd__lock(l, GD__RANK_SYNC);
		if (!mark_busy(m) || !announce(m, woken)) {
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
			return GD_OK; /* handed over */
		if (gd__wait_leaked(g))
			return GD_ELEAKED;
		woken = true;
		w.lost++;
	}
	return GD_OK;
}

static GD__NOINLINE void hook_locked(gd_mutex *m, const struct gd__g *g)
{
	gd__hooks->acquire(g->hook_ctx, m);
	gd__hooks->lock(g->hook_ctx, m, 1);
}

/* Everything but the usual case of gd_mutex_lock: hooks, somebody holds it, no goroutine. */
static GD__NOINLINE int lock_general(gd_mutex *m, const char *call, uintptr_t pc, bool fixed)
{
	struct gd__g *g = gd__caller(call);

	if (lock_slow(m, g, pc, fixed) != GD_OK)
		return GD_ELEAKED;
	own(m, g, pc);
	if (gd__unlikely(gd__hooks != NULL))
		hook_locked(m, g);
	return GD_OK;
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

/* With a woken one on its way there is nobody to wake; unless a fork lost it. */
static inline bool needs_waking(uint32_t s)
{
	return (s & GD__MUTEX_WAITERS) != 0 && ((s & GD__MUTEX_WOKEN) == 0 || gd__fork.gone != 0);
}

static GD__NOINLINE void unlock_slow(gd_mutex *m, bool foreign)
{
	uint32_t s = gd__load_relaxed(state_of(m)); /* the cas decides */

	if (foreign && (s & GD__MUTEX_LOCKED) != 0)
		s = gd__or_relaxed(state_of(m), GD__MUTEX_SHARED) | GD__MUTEX_SHARED; /* a mark */
	for (;;) {
		if ((s & GD__MUTEX_LOCKED) == 0)
			gd__fatal("sync: unlock of unlocked mutex");
		if (needs_waking(s)) {
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

/* Everything but the usual case of gd_mutex_unlock. */
static GD__NOINLINE void unlock_general(gd_mutex *m, const char *call)
{
	struct gd__g *g = gd__caller(call);
	bool foreign = m->owner_ != g->id;

	if (gd__unlikely(gd__hooks != NULL))
		hook_unlocking(m, g);
	m->owner_ = 0;
	unlock_slow(m, foreign);
	gd__sync_point(g);
}

void gd__mutex_lock(gd_mutex *m, uintptr_t pc)
{
	lock_general(m, "gd_mutex_lock", pc, true);
}

void gd__mutex_unlock(gd_mutex *m)
{
	unlock_general(m, "gd_mutex_unlock");
}

/*
 * The two below are leaves: what is not the usual case is a tail call, so that they save no
 * register.
 */
int gd_mutex_lock(gd_mutex *m)
{
	const struct gd__g *g = gd__on(gd__m_self());
	uint32_t s = gd__load_relaxed(state_of(m)); /* the cas decides */

	/* pairs with the release in unlock */
	if (gd__unlikely(g == NULL || gd__hooks != NULL || (s & GD__MUTEX_LOCKED) != 0) ||
	    gd__unlikely(!gd__cas_acquire(state_of(m), &s, s | GD__MUTEX_LOCKED)))
		return lock_general(m, "gd_mutex_lock", GD__CALLER_PC, false);
	own(m, g, GD__CALLER_PC);
	return GD_OK;
}

/* Of a mutex that is BUSY, if there is nobody to wake. Restores the owner if it fails. */
static GD__ALWAYS_INLINE bool unlock_busy(gd_mutex *m, const struct gd__g *g, uint32_t s)
{
	if ((s & GD__MUTEX_LOCKED) == 0 || needs_waking(s))
		return false;
	m->owner_ = 0;
	/* pairs with the acquire in grab and in the fast path */
	if (gd__likely(gd__cas_release(state_of(m), &s, s & ~GD__MUTEX_LOCKED)))
		return true;
	m->owner_ = g->id;
	return false;
}

void gd_mutex_unlock(gd_mutex *m)
{
	struct gd__m *self = gd__m_self();
	struct gd__g *g = gd__on(self);
	uint32_t s;

	if (gd__unlikely(g == NULL || gd__hooks != NULL || m->owner_ != g->id)) {
		unlock_general(m, "gd_mutex_unlock");
		return;
	}
	gd__store_relaxed(&self->unlocking, m); /* the story at the top */
	gd__fence_compiler();
	s = gd__load_relaxed(state_of(m)); /* the story at the top */
	if (gd__likely(s == plain)) {
		m->owner_ = 0;
		gd__store_release(state_of(m), 0);         /* pairs with the acquire in grab */
		gd__store_release(&self->unlocking, NULL); /* pairs with await_unlocks */
	} else {
		gd__store_relaxed(&self->unlocking, NULL); /* nothing was written */
		if (gd__unlikely(!unlock_busy(m, g, s))) {
			unlock_general(m, "gd_mutex_unlock");
			return;
		}
	}
	gd__sync_point(g);
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
