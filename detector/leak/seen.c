/* seen.c - makes the tables of bits. */
#include "detector/leak/seen.h"

/* The bits around addr, made if need be. */
static uint64_t *make(struct gd__seen *s, struct gd__arena *a, uint64_t addr)
{
	if (!s->mid)
		s->mid = gd__arena_get(a, (gd__seen_top(UINT64_MAX) + 1) * sizeof(*s->mid));
	if (!s->mid)
		return NULL;
	struct gd__seen_mid **mid = &s->mid[gd__seen_top(addr)];

	if (!*mid)
		*mid = gd__arena_get(a, sizeof(**mid));
	if (!*mid)
		return NULL;
	uint64_t **leaf = &(*mid)->leaf[gd__seen_leaf(addr)];

	if (!*leaf)
		*leaf = gd__arena_get(a, GD__SEEN_WORDS * sizeof(**leaf));
	return *leaf ? &(*leaf)[gd__seen_word(addr)] : NULL;
}

bool gd__seen_put(struct gd__seen *s, struct gd__arena *a, uint64_t addr, bool *fresh)
{
	uint64_t *w = gd__seen_at(s, addr);

	if (!w)
		w = make(s, a, addr);
	if (!w)
		return false;
	*fresh = (*w & gd__seen_bit(addr)) == 0;
	*w |= gd__seen_bit(addr);
	return true;
}
