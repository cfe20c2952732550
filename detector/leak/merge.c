/* merge.c - groups that look alike to the user become one, once symbols can be had. */
#include "detector/leak/group.h"

static uint64_t mix_text(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* Hash of what the user sees of a group's stack. */
static uint64_t hash_visible(const struct gd__leak_group *g)
{
	static struct gd__symbol at; /* large, and stacks may be small: one caller at a time */
	uint64_t h = g->kind;

	for (size_t i = 0; i < g->npcs; i++)
		for (size_t depth = 0; gd__symbolize(g->pcs[i], true, depth, &at); depth++) {
			if (at.ours)
				continue;
			h = mix_text(mix_text(h, at.function), at.file);
			h = mix_text(h ^ at.offset ^ (uint64_t)at.line << 48, at.module);
		}
	return h | 1;
}

static void join(struct gd__leak_groups *gs, struct gd__leak_group *to,
		 const struct gd__leak_group *from)
{
	gs->next[to->last] = from->first;
	to->last = from->last;
	to->count += from->count;
	to->retained.stack += from->retained.stack;
	to->retained.heap += from->retained.heap;
	to->retained.blocks += from->retained.blocks;
}

/* The earlier group that looks like this one; n if there is none. */
static size_t alike(const struct gd__leak_groups *gs, size_t n, const struct gd__leak_group *g)
{
	for (size_t i = 0; i < n; i++)
		if (gs->group[i].kind == g->kind && hash_visible(&gs->group[i]) == hash_visible(g))
			return i;
	return n;
}

void gd__leak_group_merge(struct gd__leak_groups *gs)
{
	size_t kept = 0;

	for (size_t i = 0; i < gs->n; i++) {
		struct gd__leak_group g = gs->group[i];
		size_t to = alike(gs, kept, &g);

		if (to < kept)
			join(gs, &gs->group[to], &g);
		else
			gs->group[kept++] = g;
	}
	gs->n = kept;
}
