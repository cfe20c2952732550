/*
 * alloc.h - memory for the detectors: from mmap, never from the user's heap.
 */
#ifndef GD_DETECTOR_COMMON_ALLOC_H
#define GD_DETECTOR_COMMON_ALLOC_H

#include <stddef.h>

/* Zeroed, 16-byte aligned. NULL when there is no memory. Thread-safe. */
void *gd__dalloc(size_t n);
void gd__dfree(void *p, size_t n);

/* An arena: many allocations, freed at once. Not thread-safe. All zero is empty. */
struct gd__arena {
	struct gd__arena_chunk *chunks;
	char *at, *end;
	size_t total;
};
/* Zeroed; NULL when there is no memory. */
void *gd__arena_get(struct gd__arena *a, size_t n);
void gd__arena_release(struct gd__arena *a);

#endif
