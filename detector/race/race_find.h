/*
 * race_find.h - from a fact of a cell to a race that can be reported.
 */
#ifndef GD_DETECTOR_RACE_RACE_FIND_H
#define GD_DETECTOR_RACE_RACE_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "detector/race/gctx.h"

struct gd__race;

/* Takes the races: gd__race_report, or what a test puts there before it makes accesses. */
extern void (*gd__race_sink)(struct gd__race *r) GD__HIDDEN;

/* Facts kept per access and cell; more say nothing new. */
#define GD__RACE_LIST 4u

/* The access that is being made. */
struct gd__race_now {
	uintptr_t addr;
	size_t size;
	unsigned kind; /* enum gd__access_kind */
	uintptr_t pc;
};

/* Earlier accesses that it races with. */
struct gd__race_list {
	uint32_t n;
	struct {
		uint64_t fact;
		uint8_t overlap; /* bytes of the cell that both touch */
		uint8_t kind;
	} at[GD__RACE_LIST];
};

static inline void gd__race_list_add(struct gd__race_list *l, uint64_t fact, uint64_t mask,
				     unsigned kind)
{
	if (l->n == GD__RACE_LIST)
		return;
	l->at[l->n].fact = fact;
	l->at[l->n].overlap = (uint8_t)(fact & mask);
	l->at[l->n].kind = (uint8_t)kind;
	l->n++;
}

/* Reports each of them. cell: address of the first byte of the cell. No cell is locked. */
void gd__race_found(struct gd__hook_ctx *g, const struct gd__race_now *now, uintptr_t cell,
		    const struct gd__race_list *found) GD__NOINLINE;

#endif
