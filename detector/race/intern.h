/*
 * intern.h - a table that gives each distinct key a small number, for good.
 *
 * Entries lie in one reserved array, in the order of their numbers. Buckets are
 * in a hash that doubles; the old one is never freed, because others may still
 * read it (together they are smaller than the newest). Lookups take no lock.
 */
#ifndef GD_DETECTOR_RACE_INTERN_H
#define GD_DETECTOR_RACE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/spin.h"

struct gd__intern_buckets;

/*
 * An entry begins with its key; the rest is the user's, zero at first.
 * Invariants: numbers run from 1 to count; an entry's key is written before its
 * bucket is published and never changes.
 */
struct gd__intern {
	char *entries;
	size_t entry_bytes, key_bytes;
	uint32_t limit; /* greatest number */
	uint32_t count; /* guarded by lock */
	struct gd__spin lock;
	struct gd__intern_buckets *_Atomic buckets;
};

/* false: no address space. key_bytes is a multiple of 8. */
bool gd__intern_init(struct gd__intern *t, size_t entry_bytes, size_t key_bytes, uint32_t limit);

/* The number of key, or 0. */
uint32_t gd__intern_find(const struct gd__intern *t, const uint64_t *key);
/*
 * The same, giving it a number if it has none; 0 when the table is full. fill
 * (may be NULL) writes the rest of a new entry before others can see it.
 */
uint32_t gd__intern_put(struct gd__intern *t, const uint64_t *key,
			void (*fill)(void *entry, void *arg), void *arg);

static inline void *gd__intern_at(const struct gd__intern *t, uint32_t number)
{
	return t->entries + (size_t)number * t->entry_bytes;
}

#endif
