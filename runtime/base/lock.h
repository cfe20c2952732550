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

#include "runtime/base/compiler.h"
#include "runtime/base/lockrank.h"

/* state: 0 free, 1 held, 2 held and somebody may wait. All zero is a free lock. */
struct GD_CAPABILITY("lock") gd__lock {
	_Atomic uint32_t state;
};

void gd__lock_slow(struct gd__lock *l);
void gd__unlock_slow(struct gd__lock *l);

void gd__lock(struct gd__lock *l, enum gd__rank rank) GD_ACQUIRE(*l);
bool gd__lock_try(struct gd__lock *l, enum gd__rank rank);
void gd__unlock(struct gd__lock *l) GD_RELEASE(*l);

#endif
