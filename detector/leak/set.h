/*
 * set.h - addresses that a marking pass has seen, each with two notes.
 *
 * Open addressing, doubled at two thirds. Memory comes from an arena and is
 * given back with it; doubling wastes as much as the set holds.
 */
#ifndef GD_DETECTOR_LEAK_SET_H
#define GD_DETECTOR_LEAK_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/common/alloc.h"

struct gd__set_slot {
	uint64_t key;   /* never 0 */
	uint64_t from;  /* address of the word that led here, 0: none */
	uint32_t owner; /* see retained.h */
	uint32_t unused;
};

/* All zero is empty. */
struct gd__set {
	struct gd__set_slot *slot;
	size_t cap, used;
};

/* The slot of key, with from and owner 0 if it is new (*fresh). NULL: no memory. */
struct gd__set_slot *gd__set_put(struct gd__set *s, struct gd__arena *a, uint64_t key, bool *fresh);
/* NULL if key is not there. */
struct gd__set_slot *gd__set_find(const struct gd__set *s, uint64_t key);

#endif
