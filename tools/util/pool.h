/*
 * pool.h - memory of one run of a command: many small pieces, freed at once.
 */
#ifndef GD_TOOLS_UTIL_POOL_H
#define GD_TOOLS_UTIL_POOL_H

#include <stddef.h>

/* All zero is empty. */
struct pool {
	struct pool_chunk *chunks;
	char *at, *end;
};

/* Called when there is no memory; must not return. Set by main(). */
extern void (*pool_exhausted)(void) __attribute__((noreturn));

/* Zeroed, 16-byte aligned, never NULL. */
void *pool_get(struct pool *p, size_t n);
/* n elements of size bytes, never NULL. */
void *pool_array(struct pool *p, size_t n, size_t size);
char *pool_text(struct pool *p, const char *text);
void pool_release(struct pool *p);

#endif
