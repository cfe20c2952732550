/*
 * lock.h - the runtime's own lock: a futex word that threads (not goroutines) wait on.
 *
 * Held for a few hundred instructions at most; never across a park. Each lock
 * has a rank (lockrank.h); debug builds check that ranks rise.
 */
#ifndef GD_RUNTIME_BASE_LOCK_H
#define GD_RUNTIME_BASE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/lockrank.h"

/* state: 0 free, 1 held, 2 held and somebody may wait. All zero is a free lock. */
struct GD_CAPABILITY("lock") gd__lock {
	_Atomic uint32_t state;
};

/* Waits. */
void gd__lock_slow(struct gd__lock *l);
/* The state is not 1: frees it and wakes a waiter, or throws. */
void gd__unlock_slow(struct gd__lock *l);

/* False: it was not the holder's own 1, nothing was done. Between the load and the store a waiter
 * may be overlooked: see lock.c. */
static inline bool gd__lock_drop(struct gd__lock *l)
{
	if (gd__unlikely(gd__load_relaxed(&l->state) !=
			 1)) /* a waiter's mark is no more than that */
		return false;
	gd__store_release(&l->state, 0); /* pairs with cas in gd__lock */
	return true;
}

/*
 * gd__lock_try never waits. gd__unlock_try makes no system call: false if somebody waits, then it
 * is still held. Inline, so that a function that calls nothing else stays a leaf.
 *
 * In debug builds none is inline: they keep a list in thread-locals, and inlined around a park the
 * compiler would use its address on one thread after the goroutine has gone to another.
 */
#ifdef GD_DEBUG
void gd__lock(struct gd__lock *l, enum gd__rank rank) GD_ACQUIRE(*l);
void gd__unlock(struct gd__lock *l) GD_RELEASE(*l);
bool gd__lock_try(struct gd__lock *l, enum gd__rank rank);
bool gd__unlock_try(struct gd__lock *l);
/* This thread holds a lock: a signal handler has interrupted the runtime. */
bool gd__lock_any_held(void);
/* This thread ends the process: from here on it may take locks in any order. */
void gd__lock_any_order(void);
#else
static inline void gd__lock_any_order(void)
{
}

static inline bool gd__lock_any_held(void)
{
	return false; /* not known */
}

static inline bool gd__lock_try(struct gd__lock *l, enum gd__rank rank) GD_UNCHECKED
{
	uint32_t zero = 0;

	(void)rank;
	return gd__cas_acquire(&l->state, &zero, 1); /* pairs with the release in unlock */
}

static inline bool gd__unlock_try(struct gd__lock *l) GD_UNCHECKED
{
	return gd__lock_drop(l);
}

static inline void gd__lock(struct gd__lock *l, enum gd__rank rank) GD_ACQUIRE(*l) GD_UNCHECKED
{
	if (gd__unlikely(!gd__lock_try(l, rank)))
		gd__lock_slow(l);
}

static inline void gd__unlock(struct gd__lock *l) GD_RELEASE(*l) GD_UNCHECKED
{
	if (gd__unlikely(!gd__lock_drop(l)))
		gd__unlock_slow(l);
}
#endif

#endif
