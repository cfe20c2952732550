/*
 * access.h - one memory access against the shadow.
 *
 * The hot functions are what a __tsan_ callback inlines: one compare per slot
 * against the goroutine's hit word, then a tail call. An access that this
 * interval has made before (or covered by its own write) stores nothing.
 */
#ifndef GD_DETECTOR_RACE_ACCESS_H
#define GD_DETECTOR_RACE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/cell.h"
#include "detector/race/gctx.h"

enum gd__access_kind {
	GD__ACCESS_READ = 0,
	GD__ACCESS_WRITE = 1,
	GD__ACCESS_ATOMIC = 2, /* or-ed: two atomic accesses never race */
	GD__ACCESS_FREE = 4    /* or-ed to WRITE: free() or pool put */
};

/* Base of the cells; NULL before gd__shadow_init has run, when no record may exist either. */
extern char *gd__shadow_base GD__HIDDEN;

/*
 * 2^41 cells, 32 TiB of addresses: memory that differs by a multiple of 16 TiB shares a cell.
 * A build whose address space is smaller (a test under another detector) sets another number.
 */
#ifndef GD__SHADOW_LOG2
#	define GD__SHADOW_LOG2 41
#endif
#define GD__SHADOW_CELLS ((uint64_t)1 << GD__SHADOW_LOG2)
#define GD__SHADOW_BYTES (GD__SHADOW_CELLS * sizeof(struct gd__cell))

static GD__ALWAYS_INLINE struct gd__cell *gd__cell_of(uintptr_t addr)
{
	return (struct gd__cell *)(void *)(gd__shadow_base +
					   ((addr << 1) & (GD__SHADOW_BYTES - 16)));
}

/* [addr, addr+n), n >= 1, any alignment. pc: the instruction after the access. */
void gd__access(struct gd__hook_ctx *g, uintptr_t addr, size_t n, unsigned kind, uintptr_t pc);
/* n in 1, 2, 4, 8 and the access within one cell: what is behind the hot functions. */
void gd__access_cell_slow(struct gd__hook_ctx *g, uintptr_t addr, size_t n, unsigned kind,
			  uintptr_t pc);

/* slot holds all bytes of mask, stamped by g's interval; bits are ATOMIC or 0. */
static GD__ALWAYS_INLINE bool gd__slot_hit(uint64_t slot, uint64_t hit, uint64_t bits)
{
	return ((slot ^ hit) & (GD__FACT_ID | bits)) == 0;
}

static GD__ALWAYS_INLINE uint64_t gd__access_mask(uintptr_t addr, size_t n)
{
	return (((uint64_t)1 << n) - 1) << (addr & (GD__CELL_BYTES - 1));
}

/*
 * The access must lie within one cell. A plain access is covered by a plain
 * fact only, an atomic one by either.
 */
static GD__ALWAYS_INLINE void gd__access_read_hot(struct gd__hook_ctx *g, uintptr_t addr, size_t n,
						  uintptr_t pc)
{
	struct gd__cell *c = gd__cell_of(addr);
	uint64_t bits = gd__access_mask(addr, n) | GD__FACT_ATOMIC;

	if (gd__likely(gd__slot_hit(gd__load_relaxed(&c->r), g->hit, bits)))
		return;
	if (gd__likely(gd__slot_hit(gd__load_relaxed(&c->w), g->hit, bits)))
		return;
	gd__access_cell_slow(g, addr, n, GD__ACCESS_READ, pc);
}

static GD__ALWAYS_INLINE void gd__access_write_hot(struct gd__hook_ctx *g, uintptr_t addr, size_t n,
						   uintptr_t pc)
{
	struct gd__cell *c = gd__cell_of(addr);
	uint64_t bits = gd__access_mask(addr, n) | GD__FACT_ATOMIC;

	if (gd__likely(gd__slot_hit(gd__load_relaxed(&c->w), g->hit, bits)))
		return;
	gd__access_cell_slow(g, addr, n, GD__ACCESS_WRITE, pc);
}

/* Memory is new: cells become empty. */
void gd__shadow_reset(uintptr_t addr, size_t n);

/* Maps the shadow and the tables. false: no address space, the detector cannot run. */
bool gd__shadow_init(void);

/* The detector has given up (ids exhausted): accesses are not looked at any more. */
extern _Atomic bool gd__race_off GD__HIDDEN;

#endif
