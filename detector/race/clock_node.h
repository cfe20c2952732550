/*
 * clock_node.h - the shared tree behind a clock: chain id -> epoch, never forgotten, rarely copied.
 *
 * A radix tree: leaves of 64 epochs, inner nodes of 16 children, as high as the
 * largest id asks for. Nodes are reference-counted and immutable while shared:
 * a change copies the nodes on its path that somebody else also holds.
 *
 * Invariants:
 *   level(child) = level(parent) - 1; leaves have level 0
 *   an absent child stands for a subtree of zeros
 *   a node with refs > 1, or below one with refs > 1, is not written
 * A root is a reference like any other: who holds it (a goroutine's clock, or
 * a value under its object's lock) may read the whole tree without a lock.
 */
#ifndef GD_DETECTOR_RACE_CLOCK_NODE_H
#define GD_DETECTOR_RACE_CLOCK_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/clock.h"
#include "runtime/base/atomic.h"

#define GD__LEAF_BITS   6
#define GD__LEAF_WIDTH  (1u << GD__LEAF_BITS)
#define GD__INNER_BITS  4
#define GD__INNER_WIDTH (1u << GD__INNER_BITS)

struct gd__clock_node {
	_Atomic uint32_t refs;
	uint32_t level;
};

struct gd__clock_leaf {
	struct gd__clock_node node;
	gd__epoch epoch[GD__LEAF_WIDTH];
};

struct gd__clock_inner {
	struct gd__clock_node node;
	struct gd__clock_node *child[GD__INNER_WIDTH];
};

/* Bits of an id that lie below one child of a node at this level (level >= 1). */
static inline unsigned gd__node_shift(uint32_t level)
{
	return GD__LEAF_BITS + GD__INNER_BITS * (level - 1);
}

/* True if ids up to and including id have a place below a node of this level. */
static inline bool gd__node_holds(uint32_t level, gd__chain id)
{
	return (uint64_t)id >> (GD__LEAF_BITS + GD__INNER_BITS * level) == 0;
}

/* Epoch of id, 0 if there is none. root may be NULL. */
static inline gd__epoch gd__node_get(const struct gd__clock_node *root, gd__chain id)
{
	const struct gd__clock_node *n = root;

	if (n == NULL || !gd__node_holds(n->level, id))
		return 0;
	while (n->level > 0) {
		const struct gd__clock_inner *in = (const struct gd__clock_inner *)n;

		n = in->child[id >> gd__node_shift(n->level) & (GD__INNER_WIDTH - 1)];
		if (n == NULL)
			return 0;
	}
	return ((const struct gd__clock_leaf *)n)->epoch[id & (GD__LEAF_WIDTH - 1)];
}

/* One more reference to n, which may be NULL; returns n. The caller holds one or its lock. */
static inline struct gd__clock_node *gd__node_ref(struct gd__clock_node *n)
{
	if (n != NULL)
		gd__add_relaxed(&n->refs, 1); /* ordered by whatever gave the caller its own */
	return n;
}

/* True if the caller's reference is the only one, so that n may be changed in place. */
static inline bool gd__node_sole(struct gd__clock_node *n)
{
	return gd__load_acquire(&n->refs) == 1; /* pairs with the decrement in node_unref */
}

/* Gives a reference back; NULL is allowed. Frees what nobody else holds. */
void gd__node_unref(struct gd__clock_node *n);

/* *root gets max(epoch there, e) for id. false: out of memory, the entry may be missing. */
bool gd__node_put(struct gd__clock_node **root, gd__chain id, gd__epoch e);

/*
 * *root becomes the maximum of itself and other, by reference to an existing
 * subtree wherever one side covers the other. other keeps its reference.
 * false: out of memory, *root is what it was or in between.
 */
bool gd__node_join(struct gd__clock_node **root, struct gd__clock_node *other);

/* Bytes of nodes in use, over all threads. Exact when no thread is in the detector. */
uint64_t gd__node_bytes(void);

#endif
