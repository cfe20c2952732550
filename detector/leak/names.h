/*
 * names.h - what addresses of our own process are called, for the words of tell.h.
 */
#ifndef GD_DETECTOR_LEAK_NAMES_H
#define GD_DETECTOR_LEAK_NAMES_H

#include "detector/leak/explain.h"

/* Where a channel lost its last reference. */
struct gd__leak_drop {
	uint64_t chan;
	uint64_t goid;
	size_t npcs;
	uintptr_t pcs[16];
};

/* The drop of this channel, NULL if none is known. */
typedef const struct gd__leak_drop *gd__find_drop(uint64_t chan);

/* drop may be NULL. The names are looked up, which allocates; one caller at a time. */
struct gd__tongue gd__own_names(gd__find_drop *drop);

#endif
