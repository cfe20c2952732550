/*
 * alloc.c - memory for the detectors.
 *
 * Small blocks come in powers of two from regions that are never unmapped, so
 * the free lists can be lock-free stacks: a stale `next` may be read but never
 * faults, and a tag in the head makes the swap fail. Large blocks are mappings.
 * Without locks, a thread that is stopped in the middle of an allocation
 * cannot block the one that stopped it.
 */
#include "detector/common/alloc.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/os_linux.h"

#define MIN_SHIFT     4
#define CLASSES       12 /* 16 bytes .. 32 KiB */
#define LARGE         ((size_t)1 << (MIN_SHIFT + CLASSES - 1))
#define REGION        ((size_t)1 << 20)
#define ARENA_FIRST   ((size_t)64 << 10)
#define ARENA_LARGEST ((size_t)4 << 20)

/* Addresses have 47 bits and are multiples of 16: 43 bits of a head, 21 are the tag. */
#define HEAD_PTR_BITS 43

struct free_block {
	_Atomic uint64_t next; /* address of the next free block */
};

/* At the start of each region. */
struct region {
	_Atomic size_t used;
};

struct gd__arena_chunk {
	struct gd__arena_chunk *next;
	size_t size;
};

static _Atomic uint64_t free_head[CLASSES];
static struct region *_Atomic region_now;

static unsigned class_of(size_t n)
{
	if (n <= ((size_t)1 << MIN_SHIFT))
		return 0;
	return (unsigned)(64 - __builtin_clzl(n - 1)) - MIN_SHIFT;
}

static struct free_block *head_block(uint64_t head)
{
	return (struct free_block *)(uintptr_t)((head & (((uint64_t)1 << HEAD_PTR_BITS) - 1)) << 4);
}

/* The head that follows old and points to block. */
static uint64_t head_make(uint64_t old, uint64_t block)
{
	return (((old >> HEAD_PTR_BITS) + 1) << HEAD_PTR_BITS) | (block >> 4);
}

static void *pop(unsigned c)
{
	uint64_t head = gd__load_acquire(&free_head[c]); /* pairs with cas in push */

	for (;;) {
		struct free_block *b = head_block(head);

		if (b == NULL)
			return NULL;
		/* Another thread may own b by now: then the tag has changed and the swap fails. */
		uint64_t next = gd__load_relaxed(&b->next);

		/* pairs with cas in push */
		if (gd__cas_acq_rel(&free_head[c], &head, head_make(head, next)))
			return b;
	}
}

static void push(unsigned c, void *p)
{
	struct free_block *b = p;
	uint64_t head = gd__load_relaxed(&free_head[c]); /* checked by the cas */

	do
		gd__store_relaxed(&b->next,
				  (uint64_t)(uintptr_t)head_block(head)); /* published below */
	while (!gd__cas_release(&free_head[c], &head,
				head_make(head, (uint64_t)(uintptr_t)b))); /* pairs with pop */
}

/* n bytes of the current region or of a new one. n <= LARGE, a multiple of 16. */
static void *carve(size_t n)
{
	struct region *r = gd__load_acquire(&region_now); /* pairs with cas below */

	for (;;) {
		if (r != NULL) {
			size_t at =
				gd__add_relaxed(&r->used, n); /* each caller gets its own bytes */

			if (at + n <= REGION)
				return (char *)r + at;
		}
		struct region *fresh = gd__os_map(REGION);

		if (fresh == NULL)
			return NULL;
		gd__store_relaxed(&fresh->used, 64); /* published by the cas */
		/* pairs with the load above; the rest of the old region is given up */
		if (gd__cas_acq_rel(&region_now, &r, fresh))
			r = fresh;
		else
			gd__os_unmap(fresh, REGION);
	}
}

void *gd__dalloc(size_t n)
{
	if (n > LARGE)
		return gd__os_map((n + GD__PAGE - 1) & ~(GD__PAGE - 1));
	unsigned c = class_of(n);
	size_t size = (size_t)1 << (c + MIN_SHIFT);
	void *p = pop(c);

	if (p == NULL)
		return carve(size); /* fresh pages are zero */
	return memset(p, 0, size);
}

void gd__dfree(void *p, size_t n)
{
	if (p == NULL)
		return;
	if (n > LARGE)
		gd__os_unmap(p, (n + GD__PAGE - 1) & ~(GD__PAGE - 1));
	else
		push(class_of(n), p);
}

/* A new chunk of the arena, at least n usable bytes, larger each time. */
static bool arena_grow(struct gd__arena *a, size_t n)
{
	size_t size = a->chunks == NULL ? ARENA_FIRST : a->chunks->size * 2;

	if (size > ARENA_LARGEST)
		size = ARENA_LARGEST;
	if (size < n + sizeof(struct gd__arena_chunk))
		size = (n + sizeof(struct gd__arena_chunk) + GD__PAGE - 1) & ~(GD__PAGE - 1);
	struct gd__arena_chunk *chunk = gd__os_map(size);

	if (chunk == NULL)
		return false;
	chunk->next = a->chunks;
	chunk->size = size;
	a->chunks = chunk;
	a->at = (char *)(chunk + 1);
	a->end = (char *)chunk + size;
	return true;
}

void *gd__arena_get(struct gd__arena *a, size_t n)
{
	if (n > SIZE_MAX / 2)
		return NULL;
	n = n == 0 ? 16 : (n + 15) & ~(size_t)15;
	if ((size_t)(a->end - a->at) < n && !arena_grow(a, n))
		return NULL;
	void *p = a->at;

	a->at += n;
	a->total += n;
	return p;
}

void gd__arena_release(struct gd__arena *a)
{
	for (struct gd__arena_chunk *c = a->chunks, *next; c != NULL; c = next) {
		next = c->next;
		gd__os_unmap(c, c->size);
	}
	*a = (struct gd__arena){ 0 };
}
