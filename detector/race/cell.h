/*
 * cell.h - the bits of a shadow cell: what is known of 8 bytes of memory.
 *
 * A cell is two slots: W, the last writes, and R, the reads since. A slot is
 *   0                      nothing
 *   a fact                 interval id 32 | site 22 | lock 1 | atomic 1 | byte mask 8
 *   a record               11 and index 30 | generation 16 | set 1 | class 5 | lock 1 | 0 (9)
 * so that one xor with the goroutine's hit word tells whether this interval
 * has been here. Ids of records are never ids of intervals.
 *
 * The lock bit is used in W only and guards the whole cell and its records: who
 * changes a cell or looks into a record holds it. Hits store nothing and need
 * no lock. docs/design/shadow.md has the rules.
 */
#ifndef GD_DETECTOR_RACE_CELL_H
#define GD_DETECTOR_RACE_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"

struct gd__cell {
	_Atomic uint64_t w; /* guarded by its own lock bit, apart from hits */
	_Atomic uint64_t r; /* guarded by the lock bit in w, apart from hits */
};
_Static_assert(sizeof(struct gd__cell) == 16, "two words for 8 bytes");

#define GD__CELL_BYTES 8u

#define GD__FACT_MASK       ((uint64_t)0xff)
#define GD__FACT_ATOMIC     ((uint64_t)1 << 8)
#define GD__FACT_LOCK       ((uint64_t)1 << 9)
#define GD__FACT_SITE_SHIFT 10
#define GD__FACT_SITE_BITS  22
#define GD__FACT_ID_SHIFT   32
#define GD__FACT_ID         ((uint64_t)0xffffffff << GD__FACT_ID_SHIFT)

/*
 * Freed memory: the upper two bits of the site are set, and so is the atomic
 * bit, for then no plain access of the freeing interval is a hit.
 */
#define GD__SITE_FREE  (3u << 20)
#define GD__SITE_MIXED (2u << 20)
#define GD__SITE_KIND  (3u << 20)
#define GD__FACT_FREE  ((uint64_t)GD__SITE_FREE << GD__FACT_SITE_SHIFT)

/* Ids below are intervals, from 1. */
#define GD__ID_RECORDS 0xc0000000u

#define GD__WORD_SET      ((uint64_t)1 << 15)
#define GD__WORD_CLASS(w) ((unsigned)((w) >> 10) & 31u)
#define GD__WORD_INDEX(w) ((uint32_t)((w) >> 32) & 0x3fffffffu)
#define GD__WORD_GEN(w)   ((uint32_t)((w) >> 16) & 0xffffu)

static inline uint64_t gd__word_make(uint32_t index, uint32_t gen, unsigned set, unsigned class)
{
	return (uint64_t)(GD__ID_RECORDS | index) << 32 | (uint64_t)(gen & 0xffffu) << 16 |
	       (uint64_t)set << 15 | (uint64_t) class << 10;
}

static inline bool gd__slot_is_record(uint64_t slot)
{
	return slot >= (uint64_t)GD__ID_RECORDS << 32;
}

static inline uint32_t gd__fact_id(uint64_t f)
{
	return (uint32_t)(f >> GD__FACT_ID_SHIFT);
}

static inline uint32_t gd__fact_site(uint64_t f)
{
	return (uint32_t)f >> GD__FACT_SITE_SHIFT;
}

static inline bool gd__fact_is_free(uint64_t f)
{
	return (f & GD__FACT_FREE) == GD__FACT_FREE;
}

static inline bool gd__fact_is_atomic(uint64_t f)
{
	return (f & GD__FACT_ATOMIC) && !gd__fact_is_free(f);
}

static inline uint64_t gd__fact_make(uint32_t id, uint32_t site, bool atomic, uint64_t mask)
{
	return (uint64_t)id << GD__FACT_ID_SHIFT | (uint64_t)site << GD__FACT_SITE_SHIFT |
	       (atomic ? GD__FACT_ATOMIC : 0) | mask;
}

/* f without the bytes of mask; 0 if none is left. */
static inline uint64_t gd__fact_without(uint64_t f, uint64_t mask)
{
	f &= ~(mask & GD__FACT_MASK);
	return f & GD__FACT_MASK ? f : 0;
}

#endif
