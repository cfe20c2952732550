/*
 * owners.h - who holds the locks that goroutines wait for, as a graph.
 *
 * Nodes are goroutines and locks. A goroutine points to the lock it waits
 * for, a lock to those who must give it up first. Every edge means: if the
 * target never runs again, neither does the source. So one stuck owner among
 * several suffices, and a cycle is a deadlock whatever else can be reached.
 *
 * A lock has two nodes, because a reader waits for others than a writer does:
 *   to write  -> the writer that holds it, else every reader that holds it
 *   to read   -> the writer that holds it, else the writer that queued first
 *
 * Without edges are: waitgroups, conditions and channels (anybody may serve
 * them), locks that were once unlocked by a goroutine that did not lock them
 * (they are used as signals), locks that could not be decoded.
 */
#ifndef GD_DETECTOR_LEAK_OWNERS_H
#define GD_DETECTOR_LEAK_OWNERS_H

#include "detector/leak/wakers.h"

#define GD__NODE_NONE UINT32_MAX

struct gd__owners {
	const struct gd__image *im;
	const struct gd__wakers *wakers;
	size_t ng, nodes, nedges;
	uint32_t *start, *to;   /* edges of node n: to[start[n] .. start[n+1]) */
	uint32_t *rstart, *rto; /* the same backwards */
	uint8_t *ended;         /* per node: a lock whose owner has ended */
	uint32_t *cycle;        /* per node: number of its cycle, 0: in none */
	uint32_t *cycle_len;    /* per cycle: how many goroutines */
	uint32_t ncycles;
};

/* Builds the graph and finds its cycles. false: no memory. */
bool gd__owners_init(struct gd__owners *o, struct gd__image *im, const struct gd__wakers *w,
		     struct gd__arena *a);
/* Node of the lock that goroutine g waits for, or GD__NODE_NONE. */
uint32_t gd__owners_lock(const struct gd__owners *o, uint32_t g);
/* Primitive of a lock's node. */
const struct gd__prim *gd__owners_prim(const struct gd__owners *o, uint32_t lock);
/* Marks in stuck (per node) whatever waits for a node that is marked there. queue has room for
 * o->nodes numbers. Nodes where barred[g] is set stay unmarked; NULL: none. */
void gd__owners_spread(const struct gd__owners *o, uint8_t *stuck, uint32_t *queue,
		       const uint8_t *barred);
/* Id of a goroutine that g waits for through a lock, one with stuck[] set if there is one (NULL:
 * any); 0 if unknown or none. */
uint64_t gd__owners_of(const struct gd__owners *o, uint32_t g, const uint8_t *stuck);

#endif
