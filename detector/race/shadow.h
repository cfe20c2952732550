/*
 * shadow.h - the lock bit of a cell, and how the shadow of memory that changes hands is cleared.
 */
#ifndef GD_DETECTOR_RACE_SHADOW_H
#define GD_DETECTOR_RACE_SHADOW_H

#include <stdint.h>

#include "detector/race/cell.h"
#include "detector/race/spin.h"

/* Bytes of a freed block that are checked and marked; the shadow of the rest is given back. */
#define GD__SHADOW_FREE_MAX ((size_t)256 << 10)

/* Takes the lock of the cell; returns W without its lock bit. */
static inline uint64_t gd__cell_lock(struct gd__cell *c)
{
	uint64_t w = gd__load_relaxed(&c->w);

	for (int tries = 0;; tries++) {
		/* pairs with the store in cell_unlock: the cell's records and the blocks of its ids
		 */
		if (!(w & GD__FACT_LOCK) && gd__cas_acquire(&c->w, &w, w | GD__FACT_LOCK))
			return w;
		if (tries < GD__SPIN_TRIES)
			gd__spin_pause();
		else
			gd__os_nanosleep(GD__SPIN_SLEEP_NS);
		w = gd__load_relaxed(&c->w);
	}
}

static inline void gd__cell_unlock(struct gd__cell *c, uint64_t w, uint64_t r)
{
	gd__store_relaxed(&c->r, r); /* under the lock */
	gd__store_release(&c->w, w); /* pairs with the compare-and-swap in cell_lock */
}

/* Private records of the cell changed from those of (w, r) to those of (w2, r2). */
void gd__cell_count_slow(struct gd__cell *c, int change);

static inline int gd__slot_private(uint64_t slot)
{
	return gd__slot_is_record(slot) && !(slot & GD__WORD_SET);
}

static inline void gd__cell_count_records(struct gd__cell *c, uint64_t w, uint64_t r, uint64_t w2,
					  uint64_t r2)
{
	int change = gd__slot_private(w2) + gd__slot_private(r2) - gd__slot_private(w) -
		     gd__slot_private(r);

	if (gd__unlikely(change != 0))
		gd__cell_count_slow(c, change);
}

#endif
