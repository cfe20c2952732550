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

/* Between the load and the store a mark may be overlooked: see lock.c. */
static inline void gd__lock_free(struct gd__lock *l)
{
	if (gd__likely(gd__load_relaxed(&l->state) == 1)) /* the holder's own, or a waiter's mark */
		gd__store_release(&l->state, 0);          /* pairs with cas in gd__lock */
	else
		gd__unlock_slow(l);
}

bool gd__lock_try(struct gd__lock *l, enum gd__rank rank);

#ifdef GD_DEBUG
/*
 * Never inline: they keep a list in thread-locals, and inlined around a park the compiler would
 * use its address on one thread after the goroutine has gone to another.
 */
void gd__lock(struct gd__lock *l, enum gd__rank rank) GD_ACQUIRE(*l);
void gd__unlock(struct gd__lock *l) GD_RELEASE(*l);
#else
static inline void gd__lock(struct gd__lock *l, enum gd__rank rank) GD_ACQUIRE(*l) GD_UNCHECKED
{
	uint32_t zero = 0;

	(void)rank;
	/* pairs with the release in unlock */
	if (gd__unlikely(!gd__cas_acquire(&l->state, &zero, 1)))
		gd__lock_slow(l);
}

static inline void gd__unlock(struct gd__lock *l) GD_RELEASE(*l) GD_UNCHECKED
{
	gd__lock_free(l);
}
#endif

#endif
