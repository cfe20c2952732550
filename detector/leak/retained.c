/*
 * retained.c - marks from each stuck goroutine in turn what the living do not reach.
 *
 * owner of a block not seen in the main pass: g + 1 reached by goroutine g
 * alone; SHARED by several. A block that a second goroutine reaches is walked
 * once more, because all below it is shared too; a third one stops at it.
 */
#include "detector/leak/retained.h"

#define SHARED UINT32_MAX

struct walk {
	struct gd__mark *m;
	struct gd__retained *kept; /* per goroutine */
	struct gd__retained *shared;
	uint32_t owner; /* g + 1 of the goroutine at work */
	struct gd__block *todo;
	size_t n, cap;
	bool no_memory;
};

static void push(struct walk *w, const struct gd__block *b)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 256;
		struct gd__block *todo = gd__arena_get(w->m->arena, cap * sizeof(*todo));

		if (!todo) {
			w->no_memory = true;
			return;
		}
		if (w->n)
			gd__memcpy(todo, w->todo, w->n * sizeof(*todo));
		w->todo = todo;
		w->cap = cap;
	}
	w->todo[w->n++] = *b;
}

static void see_word(void *arg, uint64_t v, uint64_t at)
{
	struct walk *w = arg;
	struct gd__block b;
	bool fresh;

	if (!w->m->im->block(w->m->im, v, &b))
		return;
	if (gd__seen_test(&w->m->seen, b.start)) /* live */
		return;
	struct gd__set_slot *s = gd__set_put(&w->m->blocks, w->m->arena, b.start, &fresh);

	if (!s) {
		w->no_memory = true;
		return;
	}
	if (fresh) {
		s->from = at;
		s->owner = w->owner;
		w->kept[w->owner - 1].heap += b.size;
		w->kept[w->owner - 1].blocks++;
	} else if (s->owner == SHARED || s->owner == w->owner) {
		return;
	} else {
		w->kept[s->owner - 1].heap -= b.size;
		w->kept[s->owner - 1].blocks--;
		w->shared->heap += b.size;
		w->shared->blocks++;
		s->owner = SHARED;
	}
	push(w, &b);
}

bool gd__retained(struct gd__mark *mark, const uint8_t *stuck, struct gd__retained *kept,
		  struct gd__retained *shared)
{
	struct walk w = { .m = mark, .kept = kept, .shared = shared };

	for (size_t g = 0; g < mark->im->ng; g++) {
		const struct gd__ginfo *gi = &mark->im->g[g];

		if (!stuck[g] || gi->sp == 0)
			continue;
		w.owner = (uint32_t)g + 1;
		kept[g].stack = gi->stack_hi - gi->sp;
		if (!mark->im->has_heap)
			continue;
		gd__mark_words(mark->im, gi->sp, gi->stack_hi, see_word, &w);
		while (w.n > 0 && !w.no_memory) {
			struct gd__block b = w.todo[--w.n];

			gd__mark_words(mark->im, b.start, b.start + b.size, see_word, &w);
		}
	}
	return !w.no_memory;
}
