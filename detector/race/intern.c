/* intern.c - see intern.h. Open addressing; a bucket holds 32 bits of the hash and the number. */
#include "detector/race/intern.h"

#include "detector/common/alloc.h"
#include "runtime/base/fatal.h"

#define FIRST_BUCKETS 1024u

struct gd__intern_buckets {
	uint32_t mask;
	_Atomic uint64_t at[]; /* hash high half << 32 | number; 0: free */
};

static uint64_t hash_of(const struct gd__intern *t, const uint64_t *key)
{
	uint64_t h = 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < t->key_bytes / 8; i++) {
		h = (h ^ key[i]) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return h;
}

static bool same_key(const struct gd__intern *t, uint32_t number, const uint64_t *key)
{
	const uint64_t *k = gd__intern_at(t, number);

	for (size_t i = 0; i < t->key_bytes / 8; i++) {
		if (k[i] != key[i])
			return false;
	}
	return true;
}

static struct gd__intern_buckets *buckets_make(uint32_t n)
{
	struct gd__intern_buckets *b = gd__dalloc(sizeof(*b) + n * sizeof(b->at[0]));

	if (b)
		b->mask = n - 1;
	return b;
}

bool gd__intern_init(struct gd__intern *t, size_t entry_bytes, size_t key_bytes, uint32_t limit)
{
	gd__assert(key_bytes % 8 == 0 && key_bytes <= entry_bytes && entry_bytes % 8 == 0);
	t->entries = gd__os_reserve(((size_t)limit + 1) * entry_bytes);
	if (!t->entries)
		return false;
	t->entry_bytes = entry_bytes;
	t->key_bytes = key_bytes;
	t->limit = limit;
	gd__store_relaxed(&t->buckets, buckets_make(FIRST_BUCKETS)); /* before any thread runs */
	return gd__load_relaxed(&t->buckets) != NULL;
}

static uint32_t find(const struct gd__intern *t, const uint64_t *key, uint64_t h)
{
	/* pairs with the store in grow */
	struct gd__intern_buckets *b = gd__load_acquire(&t->buckets);

	for (uint32_t i = (uint32_t)h & b->mask;; i = (i + 1) & b->mask) {
		/* pairs with the store in insert: the entry is complete */
		uint64_t v = gd__load_acquire(&b->at[i]);

		if (v == 0)
			return 0;
		if (v >> 32 == h >> 32 && same_key(t, (uint32_t)v, key))
			return (uint32_t)v;
	}
}

uint32_t gd__intern_find(const struct gd__intern *t, const uint64_t *key)
{
	return find(t, key, hash_of(t, key));
}

static void insert(struct gd__intern_buckets *b, uint64_t h, uint32_t number)
{
	uint32_t i = (uint32_t)h & b->mask;

	while (gd__load_relaxed(&b->at[i]) != 0)
		i = (i + 1) & b->mask;
	/* pairs with the load in find */
	gd__store_release(&b->at[i], (h >> 32) << 32 | number);
}

/* Doubles the buckets when they are half full. false: no memory and no room. */
static bool grow(struct gd__intern *t)
{
	struct gd__intern_buckets *old = gd__load_relaxed(&t->buckets);

	if (t->count < old->mask / 2)
		return true;

	struct gd__intern_buckets *b = buckets_make((old->mask + 1) * 2);

	if (!b)
		return t->count < old->mask - 1;
	for (uint32_t n = 1; n <= t->count; n++)
		insert(b, hash_of(t, gd__intern_at(t, n)), n);
	gd__store_release(&t->buckets, b); /* pairs with the load in find */
	return true;
}

uint32_t gd__intern_put(struct gd__intern *t, const uint64_t *key,
			void (*fill)(void *entry, void *arg), void *arg)
{
	uint64_t h = hash_of(t, key);
	uint32_t n = find(t, key, h);

	if (n != 0)
		return n;
	gd__spin_lock(&t->lock);
	n = find(t, key, h);
	if (n == 0 && t->count < t->limit && grow(t)) {
		uint64_t *e = gd__intern_at(t, t->count + 1);

		n = ++t->count;
		for (size_t i = 0; i < t->key_bytes / 8; i++)
			e[i] = key[i];
		if (fill)
			fill(e, arg);
		insert(gd__load_relaxed(&t->buckets), h, n);
	}
	gd__spin_unlock(&t->lock);
	return n;
}
