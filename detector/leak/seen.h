/*
 * seen.h - addresses that were met before: a bit per 8 bytes, in tables that are made as needed.
 *
 * For all blocks of a large heap: a few cycles each, where set.h costs a cache miss and 24 bytes.
 */
#ifndef GD_DETECTOR_LEAK_SEEN_H
#define GD_DETECTOR_LEAK_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/common/alloc.h"

#define GD__SEEN_SHIFT      3  /* what a bit stands for */
#define GD__SEEN_LEAF_SHIFT 22 /* what a leaf stands for */
#define GD__SEEN_MID_SHIFT  32
#define GD__SEEN_WORDS      (1u << (GD__SEEN_LEAF_SHIFT - GD__SEEN_SHIFT - 6))

struct gd__seen_mid {
	uint64_t *leaf[1u << (GD__SEEN_MID_SHIFT - GD__SEEN_LEAF_SHIFT)];
};

/* All zero is empty. Addresses are below 2^47; others are taken for those with their low bits. */
struct gd__seen {
	struct gd__seen_mid **mid; /* 2^15 of them */
};

static inline size_t gd__seen_top(uint64_t addr)
{
	return (size_t)(addr >> GD__SEEN_MID_SHIFT) & 0x7fff;
}

static inline size_t gd__seen_leaf(uint64_t addr)
{
	return (size_t)(addr >> GD__SEEN_LEAF_SHIFT) & 0x3ff;
}

static inline size_t gd__seen_word(uint64_t addr)
{
	return (size_t)(addr >> (GD__SEEN_SHIFT + 6)) % GD__SEEN_WORDS;
}

static inline uint64_t gd__seen_bit(uint64_t addr)
{
	return (uint64_t)1 << ((addr >> GD__SEEN_SHIFT) & 63);
}

/* The bits around addr; NULL if there were none. */
static inline uint64_t *gd__seen_at(const struct gd__seen *s, uint64_t addr)
{
	const struct gd__seen_mid *mid = s->mid ? s->mid[gd__seen_top(addr)] : NULL;
	uint64_t *leaf = mid ? mid->leaf[gd__seen_leaf(addr)] : NULL;

	return leaf ? &leaf[gd__seen_word(addr)] : NULL;
}

static inline bool gd__seen_test(const struct gd__seen *s, uint64_t addr)
{
	const uint64_t *w = gd__seen_at(s, addr);

	return w && (*w & gd__seen_bit(addr)) != 0;
}

/* Brings what gd__seen_put of addr will look at closer to the CPU. */
static inline void gd__seen_fetch(const struct gd__seen *s, uint64_t addr)
{
	__builtin_prefetch(gd__seen_at(s, addr), 1);
}

/* *fresh: addr was not there. false: no memory. */
bool gd__seen_put(struct gd__seen *s, struct gd__arena *a, uint64_t addr, bool *fresh);

#endif
