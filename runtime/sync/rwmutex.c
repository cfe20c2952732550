/*
 * rwmutex.c - readers together, or one writer.
 *
 * One word holds the number of readers, the writer and whether anybody waits.
 * As long as nobody waits, each operation is one compare-and-swap on it. While
 * somebody waits, every operation goes through lock_, and the lock is handed
 * from holder to waiter, never dropped: to the first writer when the last
 * reader leaves, to all waiting readers when the writer leaves. A waiting
 * writer keeps new readers out. So neither side starves.
 *
 * Invariants, at each release of lock_:
 *   readers_ has WAITERS  <=>  the queue is not empty  =>  somebody holds it
 *   not both: WRITER and readers
 *   readers hold it and the queue is not empty  =>  its first is a writer
 * While WAITERS is set the word changes under lock_ only.
 * shared_ only ever becomes 1: a holder's lock was once released by another goroutine. Two may
 * write it at the same time, both the same value; read by inspect in a stopped world.
 */
#include <gdetect/error.h>

#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/fork.h"
#include "runtime/sync/sync.h"
#include "runtime/sync/wait_here.h"

static _Atomic uint32_t *state_of(gd_rwmutex *m)
{
	return (_Atomic uint32_t *)(void *)&m->readers_;
}

/* --- the list of read locks that a goroutine holds, for reports --- */

static struct gd__held *find_held(struct gd__g *g, const void *lock)
{
	for (size_t i = 0; i < GD__HELD_MAX; i++) {
		if (g->held[i].lock == lock)
			return &g->held[i];
	}
	return NULL;
}

static void note_read(gd_rwmutex *m, struct gd__g *g, uintptr_t pc)
{
	struct gd__held *h = find_held(g, m);

	if (h == NULL) {
		h = find_held(g, NULL);
		if (h == NULL) {
			g->held_lost++;
			return;
		}
		h->lock = m;
		h->pc = (const void *)pc;
		h->count = 0;
	}
	h->count++;
}

static void forget_read(gd_rwmutex *m, struct gd__g *g)
{
	struct gd__held *h = find_held(g, m);

	if (h != NULL && --h->count == 0)
		h->lock = NULL;
	else if (h == NULL && g->held_lost > 0)
		g->held_lost--;
	else if (h == NULL)
		m->shared_ = 1; /* somebody else's read lock: nobody can be called its owner */
}

static void own(gd_rwmutex *m, const struct gd__g *g, uintptr_t pc)
{
	m->writer_ = g->id;
	m->writer_pc_ = gd__owner_pc(pc, m->writer_pc_);
}

/* --- waiting --- */

/* lock_ held: the invariants. */
GD__UNUSED static bool word_agrees(gd_rwmutex *m)
{
	uint32_t s = gd__load_relaxed(state_of(m)); /* under lock_ */
	const struct gd__waiter *w = gd__load_relaxed(&gd__word_queue(&m->first_)->first);

	if (((s & GD__RW_WAITERS) != 0) != (w != NULL))
		return false;
	if ((s & GD__RW_READERS) != 0 && (s & GD__RW_WRITER) != 0)
		return false;
	return w == NULL || (s & GD__RW_READERS) == 0 || w->wait.op == GD__OP_LOCK;
}

/* Takes the lock with one cas if nobody is in the way. false: see *s, the word found. */
static bool take(gd_rwmutex *m, bool write, uint32_t *s)
{
	uint32_t busy = GD__RW_WAITERS | GD__RW_WRITER | (write ? GD__RW_READERS : 0);

	*s = gd__load_relaxed(state_of(m)); /* the cas decides */
	while ((*s & busy) == 0) {
		/* pairs with the releases in leave */
		if (gd__cas_acquire(state_of(m), s, write ? GD__RW_WRITER : *s + 1))
			return true;
	}
	return false;
}

/*
 * Under lock_: takes the lock, or sets WAITERS; then, if there was no queue,
 * the one who set it is the first and must queue up.
 */
static bool take_or_announce(gd_rwmutex *m, bool write)
{
	uint32_t s;

	while (!take(m, write, &s)) {
		if ((s & GD__RW_WAITERS) != 0)
			return false;
		/* pairs with the release in leave: by readers that left before, and take no lock */
		if (gd__cas_acquire(state_of(m), &s, s | GD__RW_WAITERS))
			return false;
	}
	return true;
}

/* Parks unless the lock is free. GD_OK: the lock is the caller's. Or GD_ELEAKED. */
static int acquire_slow(gd_rwmutex *m, bool write, struct gd__g *g, uintptr_t pc) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&m->lock_);
	struct gd__waiter w = {
		.wait = { .obj = m,
			  .kind = GD__OBJ_RWMUTEX,
			  .op = write ? GD__OP_LOCK : GD__OP_RLOCK },
		.g = g,
		.pc = pc,
	};

	gd__lock(l, GD__RANK_SYNC);
	if (take_or_announce(m, write)) {
		gd__unlock(l);
		return GD_OK;
	}
	gd__waitq_push(gd__word_queue(&m->first_), &w);
	gd__check_slow(word_agrees(m));
	gd__wait_unlock(&w, write ? GD__WAIT_RWMUTEX_W : GD__WAIT_RWMUTEX_R, l);
	return gd__wait_leaked(g) ? GD_ELEAKED : GD_OK;
}

/* Under lock_: all waiting readers, or the first writer if there is none. The new word. */
static uint32_t admit(gd_rwmutex *m, bool readers, struct gd__wakelist *list)
{
	struct gd__waitq *q = gd__word_queue(&m->first_);
	struct gd__waiter *next;
	uint32_t s = 0;

	if (gd__unlikely(gd__fork.gone != 0))
		gd__waitq_drop_gone(q);
	for (struct gd__waiter *w = gd__load_relaxed(&q->first); readers && w != NULL; w = next) {
		next = w->next;
		if (w->wait.op != GD__OP_RLOCK)
			continue;
		gd__waitq_remove(q, w);
		gd__wakelist_add(list, gd__waiter_serve(w, true));
		s++;
	}
	if (s == 0 && !gd__waitq_empty(q)) {
		struct gd__waiter *w = gd__waitq_take(q);

		gd__check(w->wait.op == GD__OP_LOCK);
		own(m, w->g, w->pc);
		gd__wakelist_add(list, gd__waiter_serve(w, true));
		s = GD__RW_WRITER;
	}
	return gd__waitq_empty(q) ? s : s | GD__RW_WAITERS;
}

/* Under lock_: readers hold it; those who wait first of all, because a writer before them has left,
 * may join. */
static void admit_first_readers(gd_rwmutex *m, uint32_t readers, struct gd__wakelist *list)
{
	struct gd__waitq *q = gd__word_queue(&m->first_);
	struct gd__waiter *w;

	while ((w = gd__load_relaxed(&q->first)) != NULL && w->wait.op == GD__OP_RLOCK) {
		gd__waitq_remove(q, w);
		gd__wakelist_add(list, gd__waiter_serve(w, true));
		readers++;
	}
	/* relaxed: with WAITERS the word changes under lock_ only, and who left has released it */
	gd__store_relaxed(state_of(m), w != NULL ? readers | GD__RW_WAITERS : readers);
}

bool gd__rwmutex_abandon(struct gd__waiter *w) GD_UNCHECKED
{
	gd_rwmutex *m = (gd_rwmutex *)(uintptr_t)w->wait.obj;
	struct gd__lock *l = gd__word_lock(&m->lock_);
	struct gd__waitq *q = gd__word_queue(&m->first_);
	struct gd__wakelist list;
	bool waits;

	if (!gd__lock_try(l, GD__RANK_SYNC))
		return false;
	gd__wakelist_init(&list);
	waits = w->g->wake_waiter == NULL;
	if (waits) {
		uint32_t s = gd__load_relaxed(state_of(m)) & ~GD__RW_WAITERS; /* under lock_ */

		gd__waitq_remove(q, w);
		if ((s & GD__RW_READERS) != 0)
			admit_first_readers(m, s, &list);
		else if (gd__waitq_empty(q))
			gd__store_relaxed(state_of(m), s); /* under lock_ */
		gd__check_slow(word_agrees(m));
	}
	gd__unlock(l);
	gd__wakelist_ready(&list);
	return waits;
}

static void not_held(bool write) GD__NORETURN;
static void not_held(bool write)
{
	gd__fatal(write ? "sync: Unlock of unlocked RWMutex" : "sync: RUnlock of unlocked RWMutex");
}

/*
 * Somebody waits. After the new word is stored others get in through lock_
 * only, or not before the waiters admitted here have left: the memory stays.
 */
static void leave_slow(gd_rwmutex *m, bool write) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&m->lock_);
	struct gd__wakelist list;

	gd__wakelist_init(&list);
	gd__lock(l, GD__RANK_SYNC);

	uint32_t s = gd__load_relaxed(state_of(m)) & ~GD__RW_WAITERS; /* under lock_ */

	if (write ? (s & GD__RW_WRITER) == 0 : (s & GD__RW_READERS) == 0) {
		gd__unlock(l);
		not_held(write);
	}
	if (write || s == 1)
		s = admit(m, write, &list);
	else
		s = (s - 1) | GD__RW_WAITERS;
	/* pairs with the acquire in take */
	gd__store_release(state_of(m), s);
	gd__check_slow(word_agrees(m));
	gd__unlock(l);
	gd__wakelist_ready(&list);
}

static void leave(gd_rwmutex *m, bool write)
{
	uint32_t s = gd__load_relaxed(state_of(m)); /* the cas decides */

	for (;;) {
		if ((s & GD__RW_WAITERS) != 0) {
			leave_slow(m, write);
			return;
		}
		if (write ? (s & GD__RW_WRITER) == 0 : (s & GD__RW_READERS) == 0)
			not_held(write);
		/* pairs with the acquire in take */
		if (gd__cas_release(state_of(m), &s, write ? 0 : s - 1))
			return;
	}
}

/* --- hooks: the writer's clock is kept at m, those of the readers at release_ --- */

static void hook_locked(gd_rwmutex *m, const struct gd__g *g, bool write)
{
	gd__hooks->acquire(g->hook_ctx, m);
	if (write)
		gd__hooks->acquire(g->hook_ctx, m->release_);
	gd__hooks->lock(g->hook_ctx, m, write);
}

static void hook_unlocking(gd_rwmutex *m, const struct gd__g *g, bool write)
{
	gd__hooks->unlock(g->hook_ctx, m, write);
	if (write)
		gd__hooks->release(g->hook_ctx, m);
	else
		gd__hooks->release_merge(g->hook_ctx, m->release_);
}

static void locked(gd_rwmutex *m, struct gd__g *g, bool write, uintptr_t pc)
{
	if (write)
		own(m, g, pc);
	else
		note_read(m, g, pc);
	if (gd__unlikely(gd__hooks != NULL))
		hook_locked(m, g, write);
}

int gd_rwmutex_rlock(gd_rwmutex *m)
{
	struct gd__g *g = gd__caller("gd_rwmutex_rlock");
	uint32_t s;

	if (gd__unlikely(!take(m, false, &s)) && acquire_slow(m, false, g, GD__CALLER_PC) != GD_OK)
		return GD_ELEAKED;
	locked(m, g, false, GD__CALLER_PC);
	return GD_OK;
}

bool gd_rwmutex_try_rlock(gd_rwmutex *m)
{
	struct gd__g *g = gd__caller("gd_rwmutex_try_rlock");
	uint32_t s;

	if (!take(m, false, &s)) {
		gd__sync_point(g);
		return false;
	}
	locked(m, g, false, GD__CALLER_PC);
	return true;
}

void gd_rwmutex_runlock(gd_rwmutex *m)
{
	struct gd__g *g = gd__caller("gd_rwmutex_runlock");

	forget_read(m, g);
	if (gd__unlikely(gd__hooks != NULL))
		hook_unlocking(m, g, false);
	leave(m, false);
	gd__sync_point(g);
}

int gd_rwmutex_lock(gd_rwmutex *m)
{
	struct gd__g *g = gd__caller("gd_rwmutex_lock");
	uint32_t s;

	if (gd__unlikely(!take(m, true, &s)) && acquire_slow(m, true, g, GD__CALLER_PC) != GD_OK)
		return GD_ELEAKED;
	locked(m, g, true, GD__CALLER_PC);
	return GD_OK;
}

bool gd_rwmutex_try_lock(gd_rwmutex *m)
{
	struct gd__g *g = gd__caller("gd_rwmutex_try_lock");
	uint32_t s;

	if (!take(m, true, &s)) {
		gd__sync_point(g);
		return false;
	}
	locked(m, g, true, GD__CALLER_PC);
	return true;
}

void gd_rwmutex_unlock(gd_rwmutex *m)
{
	struct gd__g *g = gd__caller("gd_rwmutex_unlock");

	if (gd__unlikely(gd__hooks != NULL))
		hook_unlocking(m, g, true);
	if (gd__unlikely(m->writer_ != g->id))
		m->shared_ = 1;
	m->writer_ = 0;
	leave(m, true);
	gd__sync_point(g);
}
