/*
 * depot.c - the stacks, hash-consed.
 *
 * A stack is a record of 16-byte granules in chunks of 1 MiB; its id is the
 * number of its first granule over all chunks, so an id leads to the record
 * without a table of ids. Records of one hash bucket are linked through ids
 * and never removed: lookup takes no lock, insertion is one swap of the head.
 */
#include "detector/common/depot.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/base/os_linux.h"

#define LAYOUT    1u /* a dump's reader checks it */
#define GRANULE   16u
#define CHUNK     ((size_t)1 << 20)
#define PER_CHUNK (CHUNK / GRANULE)
#define CHUNKS    4096u /* 4 GiB of stacks */
#define BUCKETS   (1u << 17)

struct record {
	uint32_t next; /* id of the next record of the bucket, 0 at the end */
	uint32_t hash;
	uint32_t n;
	uint32_t unused;
	uint64_t pc[];
};
_Static_assert(sizeof(struct record) == GRANULE, "granules of a stack: 1 + (n + 1) / 2");

static struct {
	_Atomic uint64_t layout;
	char *_Atomic chunk[CHUNKS];
} root;

static _Atomic uint32_t bucket[BUCKETS];
static _Atomic uint64_t cursor = 1; /* next free granule; 0 is nobody's id */

static struct record *record_of(uint32_t id)
{
	/* pairs with chunk_ready: whoever has an id got it after the chunk was there */
	char *chunk = gd__load_acquire(&root.chunk[id / PER_CHUNK]);

	return (struct record *)(void *)(chunk + id % PER_CHUNK * GRANULE);
}

static uint32_t hash_of(const uintptr_t *pcs, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ pcs[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return (uint32_t)(h >> 32);
}

/* Most records that share a bucket differ in the hash, so this mostly runs to its end. */
static bool same(const uint64_t *a, const uintptr_t *b, size_t n)
{
	while (n > 0 && a[n - 1] == b[n - 1])
		n--;
	return n == 0;
}

/* The record with these frames between ids from and to (excluded) of one bucket. */
static uint32_t lookup(uint32_t from, uint32_t to, uint32_t hash, const uintptr_t *pcs, size_t n)
{
	for (uint32_t id = from; id != to;) {
		const struct record *r = record_of(id);

		if (r->hash == hash && r->n == n && same(r->pc, pcs, n))
			return id;
		id = r->next;
	}
	return 0;
}

static bool chunk_ready(uint64_t i)
{
	char *old = gd__load_acquire(&root.chunk[i]); /* pairs with the cas below */

	if (old != NULL)
		return true;
	char *fresh = gd__os_map(CHUNK);

	if (fresh == NULL)
		return false;
	gd__store_relaxed(&root.layout, LAYOUT);           /* same value from everybody */
	if (!gd__cas_acq_rel(&root.chunk[i], &old, fresh)) /* pairs with loads of chunk */
		gd__os_unmap(fresh, CHUNK);
	return true;
}

/* Granules in a row, all in one chunk; 0 when there is no memory. */
static uint32_t granules_get(uint64_t n)
{
	for (;;) {
		uint64_t at = gd__load_relaxed(&cursor);

		if (at / PER_CHUNK >= CHUNKS || at + n > (uint64_t)CHUNKS * PER_CHUNK)
			return 0;
		at = gd__add_relaxed(&cursor, n); /* each caller gets its own */
		if (at + n > (uint64_t)CHUNKS * PER_CHUNK || !chunk_ready(at / PER_CHUNK))
			return 0;
		if (at / PER_CHUNK == (at + n - 1) / PER_CHUNK)
			return (uint32_t)at;
	}
}

uint32_t gd__depot_put(const uintptr_t *pcs, size_t n)
{
	if (n > GD__DEPOT_FRAMES)
		n = GD__DEPOT_FRAMES;
	if (n == 0)
		return 0;
	uint32_t hash = hash_of(pcs, n);
	_Atomic uint32_t *head = &bucket[hash % BUCKETS];
	uint32_t first = gd__load_acquire(head); /* pairs with the cas below */
	uint32_t id = lookup(first, 0, hash, pcs, n);

	if (id != 0)
		return id;
	id = granules_get(1 + (n + 1) / 2);
	if (id == 0)
		return 0;
	struct record *r = record_of(id);

	r->hash = hash;
	r->n = (uint32_t)n;
	memcpy(r->pc, pcs, n * sizeof(*pcs));
	r->next = first;
	while (!gd__cas_acq_rel(head, &first, id)) { /* pairs with the load of head above */
		uint32_t other = lookup(first, r->next, hash, pcs, n);

		if (other != 0)
			return other; /* r's granules are given up */
		r->next = first;
	}
	return id;
}

size_t gd__depot_get(uint32_t id, uintptr_t *pcs, size_t max)
{
	/* pairs with chunk_ready */
	if (id == 0 || gd__load_acquire(&root.chunk[id / PER_CHUNK % CHUNKS]) == NULL)
		return 0;
	const struct record *r = record_of(id);
	size_t n = r->n < max ? r->n : max;

	memcpy(pcs, r->pc, n * sizeof(*pcs));
	return n;
}

size_t gd__depot_get_in(const struct gd__mem *m, uint64_t at, uint32_t id, uint64_t *pcs,
			size_t max)
{
	uint64_t layout, chunk;
	struct record r;

	if (id == 0 || id / PER_CHUNK >= CHUNKS || !m->read(m, at, &layout, sizeof(layout)) ||
	    layout != LAYOUT)
		return 0;
	at += sizeof(layout) + id / PER_CHUNK * sizeof(uint64_t);
	if (!m->read(m, at, &chunk, sizeof(chunk)) || chunk == 0)
		return 0;
	chunk += id % PER_CHUNK * GRANULE;
	if (!m->read(m, chunk, &r, sizeof(r)) || r.n > GD__DEPOT_FRAMES)
		return 0;
	size_t n = r.n < max ? r.n : max;

	return m->read(m, chunk + sizeof(r), pcs, n * sizeof(*pcs)) ? n : 0;
}

uint64_t gd__depot_root(void)
{
	return (uintptr_t)&root;
}
