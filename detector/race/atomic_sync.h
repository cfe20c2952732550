/*
 * atomic_sync.h - the happens-before edges of C11 atomic operations.
 *
 * The operation itself and the work on its clock are one step under the lock
 * of the address's sync object, so that whoever reads the value finds the
 * clock too:
 *     o = gd__atomic_lock(...); operation; gd__atomic_loaded/stored/modified(..., o, ...);
 *
 * Edges (C11 with the release sequences of C++20):
 *   release store     the object carries the storer's clock and no more
 *   relaxed store     ends the release sequence: the object carries nothing, or what the
 *                     storer's last release fence published
 *   read-modify-write continues the sequence: what was there stays, the own is added
 *   acquire           joins what the object carries
 *   relaxed load      remembers it for a later acquire fence
 * seq_cst counts as acq_rel. While the lock is held gd__race_cur is NULL, so that a
 * signal handler which comes in does its atomics without us instead of waiting for ever.
 */
#ifndef GD_DETECTOR_RACE_ATOMIC_SYNC_H
#define GD_DETECTOR_RACE_ATOMIC_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/gctx.h"
#include "detector/race/syncobj.h"

/* The compilers' numbers. gcc may set higher bits: hints on lock elision. */
enum gd__order {
	GD__RELAXED,
	GD__CONSUME,
	GD__ACQUIRE,
	GD__RELEASE,
	GD__ACQ_REL,
	GD__SEQ_CST,
	GD__ORDER_MASK = 0x7fff
};

/* The program contains fences (abi_fence.c is linked): relaxed operations are remembered. */
extern bool gd__atomic_fences GD__HIDDEN;

static inline bool gd__order_acquires(int order)
{
	order &= GD__ORDER_MASK;
	return order != GD__RELAXED && order != GD__RELEASE;
}

static inline bool gd__order_releases(int order)
{
	return (order & GD__ORDER_MASK) >= GD__RELEASE;
}

/* One operation on size bytes at addr by g, called from pc. */
struct gd__atomic_op {
	struct gd__hook_ctx *g;
	uintptr_t addr;
	size_t size;
	uintptr_t pc;
};

/* Locks the object for an operation that may store. NULL: no edge can come of it. */
struct gd__syncobj *gd__atomic_lock(const struct gd__atomic_op *op, int order);
/* The same for one that only loads; NULL if the object carries nothing. */
struct gd__syncobj *gd__atomic_lock_load(const struct gd__atomic_op *op, int order);

/* After the operation: edges, unlock, the access itself. o: what was locked, or NULL. */
void gd__atomic_loaded(const struct gd__atomic_op *op, struct gd__syncobj *o, int order);
void gd__atomic_stored(const struct gd__atomic_op *op, struct gd__syncobj *o, int order);
void gd__atomic_modified(const struct gd__atomic_op *op, struct gd__syncobj *o, int order);

void gd__atomic_fence(struct gd__hook_ctx *g, int order);

#endif
