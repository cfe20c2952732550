/*
 * group.c - groups leaks by a hash of all that names their cause.
 *
 * Unwinding a stack takes microseconds, and there may be 100,000 of them while
 * the world stands still. So leaks that agree in everything that costs nothing
 * are unwound only as long as there are few of them; the rest join the last.
 */
#include "detector/leak/group.h"

#include "detector/leak/set.h"

#define UNWOUND_PER_KIND 64

struct kind {
	uint32_t unwound; /* stacks looked at */
	uint32_t group;   /* of the last one */
};

struct grouping {
	struct gd__leak_groups *gs;
	struct gd__arena *arena;
	struct gd__set kinds, stacks;
	struct kind *kind;
	size_t nkinds;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t hash_kind(const struct gd__leak *l)
{
	uint64_t h = mix(l->verdict + 1, l->evidence);

	h = mix(mix(h, l->g.reason), l->g.entry);
	/* The text of the gd_go, not its pc: an unrolled loop has one pc per turn. */
	for (const char *c = l->g.site; *c; c++)
		h = mix(h, (unsigned char)*c);
	for (uint32_t i = l->g.site[0] != '\0'; i < l->g.ncreate; i++)
		h = mix(h, l->g.create_pc[i]);
	/* A sum: a select waits for its channels in an order of no meaning. */
	uint64_t objects = 0;

	for (uint32_t i = 0; i < l->nobjects; i++)
		objects += mix(mix(1, l->object[i].make_pc), l->wait[i].op);
	return mix(h, objects) | 1;
}

static struct gd__leak_group *new_group(struct grouping *p, size_t first)
{
	struct gd__leak_groups *gs = p->gs;

	if (gs->n == gs->cap) {
		size_t cap = gs->cap ? 2 * gs->cap : 16;
		struct gd__leak_group *group = gd__arena_get(p->arena, cap * sizeof(*group));

		if (!group)
			return NULL;
		if (gs->n)
			gd__memcpy(group, gs->group, gs->n * sizeof(*group));
		gs->group = group;
		gs->cap = cap;
	}
	gs->group[gs->n] = (struct gd__leak_group){ .first = first, .last = first };
	return &gs->group[gs->n++];
}

/* The group of this stack, which pcs holds. GD__GROUP_END: no memory. */
static size_t find_group(struct grouping *p, uint64_t kind, size_t leak, const uintptr_t *pcs,
			 size_t n)
{
	uint64_t h = kind;
	bool fresh;

	for (size_t i = 0; i < n; i++)
		h = mix(h, pcs[i]);
	struct gd__set_slot *s = gd__set_put(&p->stacks, p->arena, h | 1, &fresh);

	if (!s)
		return GD__GROUP_END;
	if (fresh) {
		struct gd__leak_group *g = new_group(p, leak);

		if (!g)
			return GD__GROUP_END;
		g->npcs = n;
		g->kind = kind;
		g->hash = h;
		gd__memcpy(g->pcs, pcs, n * sizeof(*pcs));
		s->owner = (uint32_t)(p->gs->n - 1);
	}
	return s->owner;
}

static struct kind *find_kind(struct grouping *p, uint64_t hash)
{
	bool fresh;
	struct gd__set_slot *s = gd__set_put(&p->kinds, p->arena, hash, &fresh);

	if (!s)
		return NULL;
	if (fresh)
		s->owner = (uint32_t)p->nkinds++;
	return &p->kind[s->owner];
}

static void join(struct gd__leak_groups *gs, size_t group, size_t leak,
		 const struct gd__retained *retained)
{
	struct gd__leak_group *g = &gs->group[group];

	if (g->count++ > 0)
		gs->next[g->last] = leak;
	g->last = leak;
	gs->next[leak] = GD__GROUP_END;
	g->retained.stack += retained->stack;
	g->retained.heap += retained->heap;
	g->retained.blocks += retained->blocks;
}

bool gd__leak_group(struct gd__leak_groups *gs, const struct gd__leak_result *r,
		    struct gd__arena *a, gd__story_stack *stack, void *arg)
{
	struct grouping p = { .gs = gs, .arena = a };
	uintptr_t pcs[GD__FRAMES_MAX];

	*gs = (struct gd__leak_groups){ .next = gd__arena_get(a,
							      (r->count + 1) * sizeof(*gs->next)) };
	p.kind = gd__arena_get(a, (r->count + 1) * sizeof(*p.kind));
	if (!gs->next || !p.kind)
		return false;
	for (size_t i = 0; i < r->count; i++) {
		uint64_t hash = hash_kind(&r->leaks[i]);
		struct kind *k = find_kind(&p, hash);

		if (!k)
			return false;
		if (k->unwound < UNWOUND_PER_KIND) {
			size_t n = stack(arg, &r->leaks[i].g, pcs, GD__FRAMES_MAX);
			size_t g = find_group(&p, hash, i, pcs, n);

			if (g == GD__GROUP_END)
				return false;
			k->unwound++;
			k->group = (uint32_t)g;
		}
		join(gs, k->group, i, &r->leaks[i].retained);
	}
	for (size_t i = 0; i < gs->n; i++) {
		struct gd__leak_group *g = &gs->group[i];

		g->story = gd__story(r, &r->leaks[g->first], a, stack, arg);
		if (!g->story)
			return false;
	}
	return true;
}
