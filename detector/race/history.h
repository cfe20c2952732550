/*
 * history.h - which locks were held when a cell was stamped, for the earlier side of a report.
 *
 * A direct-mapped table of (interval, site, cell) -> interned lock set, written only
 * by accesses on the slow path that hold locks. Later ones overwrite earlier
 * ones: what is not found is not known, and no lock is named.
 */
#ifndef GD_DETECTOR_RACE_HISTORY_H
#define GD_DETECTOR_RACE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/gctx.h"

/* Locks kept of one access: the last ones taken. */
#define GD__HISTORY_LOCKS 4u

bool gd__history_init(void);

/* g, which holds locks, stamps the cell of addr with this fact. */
void gd__history_note(struct gd__hook_ctx *g, uint64_t fact, uintptr_t addr);

/* The locks that were held when the cell got this fact; 0 if that is not known. */
uint32_t gd__history_find(uint64_t fact, uintptr_t addr, struct gd__held_lock *held);

#endif
