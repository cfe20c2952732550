/*
 * ranges.h - memory outside of heap, stacks and modules that may hold pointers.
 *
 * What the program has registered (gd_leak_add_root), and what it has mapped by itself: arenas,
 * pools, shared memory, stacks of its own. One table of {lo, hi} pairs, which the anchor tells to
 * readers of a core. Any thread may add and remove at any time, also where malloc's locks are
 * held: no lock, no allocation. Who reads it must not trust a range to be mapped still.
 */
#ifndef GD_DETECTOR_COMMON_RANGES_H
#define GD_DETECTOR_COMMON_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GD__RANGES_MAX 8192

enum gd__range_kind {
	GD__RANGE_REGISTERED,
	GD__RANGE_PRIVATE, /* anonymous and private: what was never touched is not there */
	GD__RANGE_SHARED   /* of a file, or shared with others */
};

/* [lo, hi) of the caller at pc. A registered one with the same lo is replaced. false: full. */
bool gd__ranges_add(uintptr_t lo, uintptr_t hi, enum gd__range_kind kind, uintptr_t pc);
/* [lo, hi) is no longer mapped: what overlaps is cut. */
void gd__ranges_cut(uintptr_t lo, uintptr_t hi);
/* All that begin at lo. */
void gd__ranges_drop(uintptr_t lo);
/* Range i of GD__RANGES_MAX; false: there is none in this place. */
bool gd__ranges_get(size_t i, uintptr_t *lo, uintptr_t *hi, enum gd__range_kind *kind);
/* Some mapping could not be added. */
bool gd__ranges_lost(void);

#endif
