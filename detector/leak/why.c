/*
 * why.c - reads the notes of the last marking pass backwards.
 *
 * Each note is older than what it explains, so the walk ends. A dump may hold
 * anything, and the notes rest on it: the walk is bounded all the same.
 */
#include "detector/leak/why.h"

struct walk {
	const struct gd__verdicts *v;
	struct gd__why *why;
	uint64_t at; /* the word to be explained next */
};

static struct gd__why_step *add(struct walk *w, enum gd__why_kind kind, uint64_t at)
{
	struct gd__why *y = w->why;

	if (y->n == GD__WHY_STEPS) {
		y->cut = true;
		return NULL;
	}
	struct gd__why_step *s = &y->step[y->n++];

	*s = (struct gd__why_step){ .kind = kind, .at = at };
	return s;
}

/* Goroutine g may run because a primitive is reached; goes on with what led there. */
static bool add_prim(struct walk *w, uint32_t g)
{
	const struct gd__mark *m = &w->v->mark;
	uint32_t prim = m->revived_by[g];
	struct gd__why_step *s;

	if (prim == 0 || prim > m->wakers->nprims)
		return false;
	s = add(w, GD__WHY_PRIM, m->wakers->prim[prim - 1].info.addr);
	if (!s)
		return false;
	s->prim = &m->wakers->prim[prim - 1];
	s->g = g;
	w->at = m->prim_from[prim - 1];
	return true;
}

/* The word is on the stack of g. True if the walk goes on from there. */
static bool add_stack(struct walk *w, uint32_t g)
{
	const struct gd__mark *m = &w->v->mark;
	const struct gd__ginfo *gi = &m->im->g[g];
	struct gd__why_step *s = add(w, GD__WHY_STACK, w->at);

	if (!s)
		return false;
	s->g = g;
	s->range = (struct gd__range){ gi->sp ? gi->sp : gi->stack_lo, gi->stack_hi };
	if (w->v->wakers.standing[g] == GD__MAY_RUN)
		return false;
	if (m->stack_from[g] == 0)
		return add_prim(w, g);
	w->at = m->stack_from[g];
	return true;
}

static bool add_block(struct walk *w, const struct gd__block *b)
{
	const struct gd__set_slot *slot = gd__set_find(&w->v->mark.blocks, b->start);
	struct gd__why_step *s = add(w, GD__WHY_BLOCK, w->at);

	if (!s)
		return false;
	s->block = *b;
	if (!slot || !slot->from)
		return false;
	w->at = slot->from;
	return true;
}

struct search {
	uint64_t at;
	enum gd__root_kind kind;
	struct gd__range range;
	bool found;
};

static void see_root(void *arg, enum gd__root_kind kind, struct gd__range r)
{
	struct search *s = arg;

	if (s->found || s->at < r.lo || s->at >= r.hi)
		return;
	s->found = true;
	s->kind = kind;
	s->range = r;
}

static void add_root(struct walk *w)
{
	static const enum gd__why_kind kinds[] = {
		[GD__ROOT_DATA] = GD__WHY_DATA,
		[GD__ROOT_THREAD] = GD__WHY_THREAD,
		[GD__ROOT_TIMER] = GD__WHY_TIMER,
		[GD__ROOT_G] = GD__WHY_REGISTER,
	};
	struct gd__image *im = w->v->im;
	struct search found = { .at = w->at };

	im->roots(im, see_root, &found);
	struct gd__why_step *s = add(w, found.found ? kinds[found.kind] : GD__WHY_UNKNOWN, w->at);

	if (s)
		s->range = found.range;
}

/* One step towards the root; false: it was the last. */
static bool step(struct walk *w)
{
	int64_t g = gd__mark_stack_at(&w->v->mark, w->at);
	struct gd__image *im = w->v->im;
	struct gd__block b;

	if (g >= 0)
		return add_stack(w, (uint32_t)g);
	if (im->has_heap && im->block(im, w->at, &b))
		return add_block(w, &b);
	add_root(w);
	return false;
}

/* From the root to the goroutine. */
static void reverse(struct gd__why *y)
{
	for (size_t i = 0; i < y->n / 2; i++) {
		struct gd__why_step s = y->step[i];

		y->step[i] = y->step[y->n - 1 - i];
		y->step[y->n - 1 - i] = s;
	}
	if (y->n > 0)
		y->step[0].root = !y->cut;
}

static void find_path(struct walk *w)
{
	if (!add_prim(w, w->why->g))
		return;
	while (step(w))
		;
	reverse(w->why);
}

/* Position of the goroutine with this id; ng if there is none. */
static size_t position(const struct gd__image *im, uint64_t id)
{
	size_t lo = 0, hi = im->ng;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (im->g[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < im->ng && im->g[lo].id == id ? lo : im->ng;
}

static bool exempt(const struct gd__image *im, const struct gd__ginfo *g)
{
	return g->background || g->system || (g->id == 1 && im->rt.ended);
}

static enum gd__why_answer answer(const struct gd__verdicts *v, uint32_t g)
{
	const struct gd__ginfo *gi = &v->im->g[g];

	if (v->wakers.standing[g] == GD__GONE)
		return GD__WHY_SPENT;
	if (v->fate[g].stuck)
		return exempt(v->im, gi) ? GD__WHY_EXEMPT : GD__WHY_STUCK;
	if (v->wakers.standing[g] == GD__CANDIDATE)
		return GD__WHY_REACHED;
	if (gi->state == GD__GI_WAITING && !gi->timed && gd__wait_stuck(gi->reason))
		return GD__WHY_UNDECIDED;
	return GD__WHY_RUNS;
}

void gd__why(const struct gd__verdicts *v, uint64_t goid, struct gd__why *why)
{
	struct walk w = { .v = v, .why = why };
	size_t g = position(v->im, goid);

	*why = (struct gd__why){ .answer = GD__WHY_NO_SUCH };
	if (g == v->im->ng)
		return;
	why->g = (uint32_t)g;
	why->fate = v->fate[g];
	why->answer = answer(v, why->g);
	if (why->answer == GD__WHY_REACHED)
		find_path(&w);
}
