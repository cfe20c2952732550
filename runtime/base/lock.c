/*
 * lock.c - a three-state futex mutex (Drepper, "Futexes are tricky", mutex2) whose unlock is no
 * locked instruction: a load and a store.
 *
 * The holder is the only one who makes the word 0, so while it is held others can only turn 1 into
 * 2. Unlock reads 1 and stores 0. A waiter that turns the 1 into a 2 between the two is overlooked:
 * its mark is gone and nobody wakes it. It notices itself, in one of three ways:
 *   - the kernel compares the word before it puts a thread to sleep, and by then it is 0. This is
 *     the usual case: the store follows the load at once, the waiter has a system call to make;
 *   - or the holder lost its CPU just between the load and the store, long enough for the waiter to
 *     fall asleep: then the waiter looks again after RELOOK_NS by itself.
 * So a wake-up may come RELOOK_NS late, once in many million times that a thread has to sleep, and
 * never stays away. Mutual exclusion does not depend on any of it.
 *
 * After the store an unlock that saw 1 touches nothing: whoever locks next may free the memory.
 *
 * Rejected: an exchange in unlock (exact, but two locked instructions per section instead of one:
 * 4.4 ns against 2.5); a flag of waiters that unlock reads after the store, made exact by a
 * membarrier() of the waiter (reads memory that may be unmapped by then); the same within an rseq
 * section (exact, but assembler for each machine, for something that costs nobody anything).
 */
#include "runtime/base/lock.h"

#include "runtime/base/atomic.h"
#include "runtime/base/cpu.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"

/* Rounds of looking before sleeping: a holder on another core is out within some 100 ns. */
#define SPINS 40
/* How long a waiter sleeps that may have been overlooked. */
#define RELOOK_NS 1000000

#ifdef GD_DEBUG
/* The locks this thread holds. Beyond the end only a select's or a fork's can be: not recorded. */
#	define HELD_MAX 64
static GD__TLS struct {
	struct gd__lock *lock;
	enum gd__rank rank;
} held[HELD_MAX];
static GD__TLS unsigned nheld;

/* Set for good: a fatal error may come with any lock held, and its dump takes others. */
static GD__TLS bool dying;

void gd__lock_any_order(void)
{
	dying = true;
}

/* Then only what would never end is an error. */
static void check_not_held(const struct gd__lock *l)
{
	for (unsigned i = 0; i < nheld; i++)
		if (held[i].lock == l)
			gd__throw("lock: needed for the dump of a fatal error under it");
}

static void rank_push(struct gd__lock *l, enum gd__rank rank)
{
	if (dying)
		check_not_held(l);
	else if (nheld > 0 && (held[nheld - 1].rank > rank ||
			       (held[nheld - 1].rank == rank && rank != GD__RANK_CHAN &&
				rank != GD__RANK_TIMERS)))
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
		held[nheld].lock = NULL; /* threads' memory is a root of the leak detector */
		return;
	}
}
#endif

void gd__lock_slow(struct gd__lock *l)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t zero = 0;

		if (gd__load_relaxed(&l->state) == 0 && /* orders nothing: the cas below decides */
		    gd__cas_acquire(&l->state, &zero, 1)) /* pairs with the release in unlock */
			return;
		gd__cpu_pause();
	}
	while (gd__swap_acquire(&l->state, 2) != 0) /* pairs with the release in unlock */
		gd__os_futex_wait(&l->state, 2, RELOOK_NS);
}

void gd__unlock_slow(struct gd__lock *l)
{
	if (gd__swap_acq_rel(&l->state, 0) == 0) /* pairs with cas in gd__lock */
		gd__throw("lock: unlock of a free lock");
	/* The memory may be gone: then the wake-up finds nobody, or one who looks again. */
	gd__os_futex_wake(&l->state, 1);
}

#ifdef GD_DEBUG
bool gd__lock_any_held(void)
{
	return nheld > 0;
}

GD__NOINLINE bool gd__lock_try(struct gd__lock *l, enum gd__rank rank) GD_UNCHECKED
{
	uint32_t zero = 0;
	bool got = gd__cas_acquire(&l->state, &zero, 1); /* pairs with the release in unlock */

	if (got)
		rank_push(l, rank);
	return got;
}

GD__NOINLINE void gd__lock(struct gd__lock *l, enum gd__rank rank) GD_UNCHECKED
{
	uint32_t zero = 0;

	rank_push(l, rank);
	if (!gd__cas_acquire(&l->state, &zero, 1)) /* pairs with the release in unlock */
		gd__lock_slow(l);
}

GD__NOINLINE void gd__unlock(struct gd__lock *l) GD_UNCHECKED
{
	rank_pop(l);
	if (!gd__lock_drop(l))
		gd__unlock_slow(l);
}

GD__NOINLINE bool gd__unlock_try(struct gd__lock *l) GD_UNCHECKED
{
	gd__unlock(l);
	return true;
}
#endif
