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

static void each_of_leaf(const uint64_t *leaf, uint64_t base, void (*see)(void *arg, uint64_t addr),
			 void *arg)
{
	for (uint64_t i = 0; i < GD__SEEN_WORDS; i++)
		for (uint64_t bits = leaf[i]; bits != 0; bits &= bits - 1)
			see(arg, base + (((i << 6) + (unsigned)__builtin_ctzll(bits))
					 << GD__SEEN_SHIFT));
}

void gd__seen_each(const struct gd__seen *s, void (*see)(void *arg, uint64_t addr), void *arg)
{
	for (uint64_t t = 0; s->mid && t <= gd__seen_top(UINT64_MAX); t++)
		for (uint64_t l = 0; s->mid[t] && l <= gd__seen_leaf(UINT64_MAX); l++)
			if (s->mid[t]->leaf[l])
				each_of_leaf(s->mid[t]->leaf[l],
					     t << GD__SEEN_MID_SHIFT | l << GD__SEEN_LEAF_SHIFT,
					     see, arg);
}
