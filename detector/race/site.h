/*
 * site.h - where accesses were made, in 22 bits.
 *
 * A site is an interned (pc, size, calling context) with the depot id of its
 * stack, so the slot of a cell names the whole stack of the access for good:
 * there is no trace to replay and nothing that ages. A pc with very many
 * contexts (recursion) gets sites of its innermost frames from then on, and at
 * last one of the pc alone.
 *
 * A mixed site is an interned array of one site per byte of a cell, for
 * accesses of one interval from different places. Where its table is full, the
 * later of the two sites stands for both.
 */
#ifndef GD_DETECTOR_RACE_SITE_H
#define GD_DETECTOR_RACE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/gctx.h"

/* Contexts kept for one pc, and then so many more of innermost frames. */
#define GD__SITE_CONTEXTS 512u
#define GD__SITE_PARTIAL  256u
#define GD__SITE_INNER    4u

struct gd__site_info {
	uintptr_t pc;
	uint32_t size;  /* of the access, 0: not known (a range, or not aligned) */
	uint32_t stack; /* depot id of the callers, innermost first */
	bool whole;     /* stack holds all of them */
	bool freed;
};

bool gd__site_init(void);

/*
 * The site of an access by g at this moment. size: 1, 2, 4, 8 or 16 if it is aligned
 * to that, else 0. 0 is returned when the table is full: not known.
 */
uint32_t gd__site_put(const struct gd__hook_ctx *g, uintptr_t pc, size_t size, bool freed);

/* One site for bytes old_mask of old and, where they overlap stronger, new_mask of new. */
uint32_t gd__site_mix(uint32_t old, unsigned old_mask, uint32_t new, unsigned new_mask);

/* The site, not a mixed one, of this byte (0..7) of a cell whose fact has this site. */
uint32_t gd__site_of_byte(uint32_t site, unsigned byte);
/* What it stands for. false: not known. */
bool gd__site_get(uint32_t site, unsigned byte, struct gd__site_info *info);
/* Bytes of mask that have the same site as this byte. */
unsigned gd__site_bytes(uint32_t site, unsigned mask, unsigned byte);

/* Sites and mixed sites made so far: for tests and statistics. */
uint32_t gd__site_count(void);
uint32_t gd__site_mixed_count(void);

#endif
