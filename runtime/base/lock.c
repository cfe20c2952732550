/*
 * lock.c - the three-state futex mutex (Drepper, "Futexes are tricky", mutex2), with a short spin.
 */
#include "runtime/base/lock.h"

#include "runtime/base/atomic.h"
#include "runtime/base/cpu.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"

/* Rounds of looking before sleeping: a holder on another core is out within some 100 ns. */
#define SPINS 40

#ifdef GD_DEBUG
/* The locks this thread holds. Beyond the end only a select's or a fork's can be: not recorded. */
#	define HELD_MAX 64
static GD__TLS struct {
	struct gd__lock *lock;
	enum gd__rank rank;
} held[HELD_MAX];
static GD__TLS unsigned nheld;

static void rank_push(struct gd__lock *l, enum gd__rank rank)
{
	if (nheld > 0 &&
	    (held[nheld - 1].rank > rank ||
	     (held[nheld - 1].rank == rank && rank != GD__RANK_CHAN && rank != GD__RANK_TIMERS)))
		gd__throw("lock: taken against the order of lockrank.h");
	if (nheld < HELD_MAX) {
		held[nheld].lock = l;
		held[nheld++].rank = rank;
	}
}

static void rank_pop(const struct gd__lock *l)
{
	for (unsigned i = nheld; i > 0; i--) {
		if (held[i - 1].lock != l)
			continue;
		for (nheld--; i <= nheld; i++)
			held[i - 1] = held[i];
		return;
	}
}
#endif

void gd__lock_slow(struct gd__lock *l)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t zero = 0;

		if (gd__load_relaxed(&l->state) == 0 && /* orders nothing: the cas below decides */
		    gd__cas_acquire(&l->state, &zero, 1)) /* pairs with swap in gd__unlock */
			return;
		gd__cpu_pause();
	}
	while (gd__swap_acquire(&l->state, 2) != 0) /* pairs with swap in gd__unlock */
		gd__os_futex_wait(&l->state, 2, -1);
}

void gd__unlock_slow(struct gd__lock *l, uint32_t was)
{
	if (was == 0)
		gd__throw("lock: unlock of a free lock");
	gd__os_futex_wake(&l->state, 1);
}

#ifdef GD_DEBUG
GD__NOINLINE void gd__lock(struct gd__lock *l, enum gd__rank rank) GD_UNCHECKED
{
	uint32_t zero = 0;

	rank_push(l, rank);
	if (!gd__cas_acquire(&l->state, &zero, 1)) /* pairs with swap in gd__unlock */
		gd__lock_slow(l);
}

GD__NOINLINE void gd__unlock(struct gd__lock *l) GD_UNCHECKED
{
	uint32_t was;

	rank_pop(l);
	was = gd__swap_acq_rel(&l->state, 0); /* pairs with cas in gd__lock */
	if (was != 1)
		gd__unlock_slow(l, was);
}
#endif

GD__NOINLINE bool gd__lock_try(struct gd__lock *l, enum gd__rank rank) GD_UNCHECKED
{
	uint32_t zero = 0;
	bool got = gd__cas_acquire(&l->state, &zero, 1); /* pairs with swap in gd__unlock */

#ifdef GD_DEBUG
	if (got)
		rank_push(l, rank);
#else
	(void)rank;
#endif
	return got;
}
