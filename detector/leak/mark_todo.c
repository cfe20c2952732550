/*
 * mark_todo.c - the ranges that a marking pass has yet to scan: a stack of them, and before it a
 * short queue of those whose memory is being fetched.
 */
#include "detector/leak/mark.h"

#define WORK_LEN 1020

struct gd__mark_work {
	struct gd__mark_work *next;
	size_t n;
	struct gd__range range[WORK_LEN];
};

void gd__mark_push(struct gd__mark *m, uint64_t lo, uint64_t hi)
{
	struct gd__mark_work *w = m->work;

	if (!w || w->n == WORK_LEN) {
		w = m->spare;
		m->spare = NULL;
		if (!w)
			w = gd__arena_get(m->arena, sizeof(*w));
		if (!w) {
			m->no_memory = true;
			return;
		}
		w->n = 0;
		w->next = m->work;
		m->work = w;
	}
	w->range[w->n++] = (struct gd__range){ lo, hi };
}

static bool pop(struct gd__mark *m, struct gd__range *r)
{
	struct gd__mark_work *w = m->work;

	if (w && w->n == 0) {
		m->work = w->next;
		w->next = NULL;
		m->spare = w; /* one is kept: no swinging at the border of a chunk */
		w = m->work;
	}
	if (!w)
		return false;
	*r = w->range[--w->n];
	return true;
}

/* The lines of a range that a scan begins with. An address of another space does no harm. */
void gd__mark_fetch(struct gd__range r)
{
	for (unsigned i = 0; i < 4; i++)
		__builtin_prefetch((const void *)(uintptr_t)(r.lo + 64 * i));
}

/* One that was announced some ranges before, so that it has come. */
bool gd__mark_next(struct gd__mark *m, struct gd__range *r)
{
	struct gd__range *to = &m->range[m->ranges_made % GD__MARK_AHEAD];

	while (m->ranges_made - m->ranges_done < GD__MARK_AHEAD / 2 && pop(m, to)) {
		gd__mark_fetch(*to);
		to = &m->range[++m->ranges_made % GD__MARK_AHEAD];
	}
	if (m->ranges_made == m->ranges_done)
		return false;
	*r = m->range[m->ranges_done++ % GD__MARK_AHEAD];
	return true;
}
