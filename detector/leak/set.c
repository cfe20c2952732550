/* set.c - a hash table of addresses; linear probing, multiplicative hash. */
#include "detector/leak/set.h"

#define FIRST_CAP ((size_t)1024)

static size_t place(const struct gd__set *s, uint64_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (s->cap - 1);
}

static struct gd__set_slot *probe(const struct gd__set *s, uint64_t key)
{
	size_t i = place(s, key);

	while (s->slot[i].key != key && s->slot[i].key != 0)
		i = (i + 1) & (s->cap - 1);
	return &s->slot[i];
}

static bool grow(struct gd__set *s, struct gd__arena *a)
{
	struct gd__set bigger = { .cap = s->cap ? 2 * s->cap : FIRST_CAP, .used = s->used };

	bigger.slot = gd__arena_get(a, bigger.cap * sizeof(*bigger.slot));
	if (!bigger.slot)
		return false;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slot[i].key)
			*probe(&bigger, s->slot[i].key) = s->slot[i];
	*s = bigger;
	return true;
}

struct gd__set_slot *gd__set_put(struct gd__set *s, struct gd__arena *a, uint64_t key, bool *fresh)
{
	if (3 * (s->used + 1) > 2 * s->cap && !grow(s, a))
		return NULL;
	struct gd__set_slot *slot = probe(s, key);

	*fresh = slot->key == 0;
	if (*fresh) {
		slot->key = key;
		s->used++;
	}
	return slot;
}

struct gd__set_slot *gd__set_find(const struct gd__set *s, uint64_t key)
{
	if (s->cap == 0)
		return NULL;
	struct gd__set_slot *slot = probe(s, key);

	return slot->key ? slot : NULL;
}
