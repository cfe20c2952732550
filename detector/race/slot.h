/*
 * slot.h - what a new access does to the facts of one slot.
 *
 * The rules, per byte: a plain write takes the place of all older writes, any
 * access that of older ones of its slot that are ordered before it and conflict
 * with no more than it does (not a plain one by an atomic one). What is not ordered
 * stays beside it. So whoever races with a fact that is gone races with one
 * that is there; docs/design/shadow.md has the argument.
 *
 * The lock of the cell is held for all of these.
 */
#ifndef GD_DETECTOR_RACE_SLOT_H
#define GD_DETECTOR_RACE_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "detector/race/cell.h"
#include "detector/race/gctx.h"

enum gd__slot_role { GD__SLOT_READS, GD__SLOT_WRITES };

/* The value of the slot once fact, an access by g now, is in it. Takes over what slot owns. */
uint64_t gd__slot_add(const struct gd__hook_ctx *g, uint64_t slot, uint64_t fact,
		      enum gd__slot_role role);

/*
 * The value of a slot of reads once g has written fact: without the reads that
 * the write stands for. The write's own interval keeps its reads, they make hits.
 */
uint64_t gd__slot_strip(const struct gd__hook_ctx *g, uint64_t slot, uint64_t fact);

/* The value of a slot without any fact of these bytes. */
uint64_t gd__slot_forget(uint64_t slot, uint64_t mask);

/* g's present interval has a fact here that covers this one. */
bool gd__slot_covers(uint64_t slot, uint64_t fact);

#endif
