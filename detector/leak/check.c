/* check.c - one check from the image to the list of leaks. */
#include "detector/leak/check.h"

#include <gdetect/error.h>

#include "detector/leak/retained.h"
#include "detector/leak/verdict.h"
#include "runtime/base/fmt.h"

struct check {
	struct gd__image *im;
	const struct gd__leak_options *opt;
	struct gd__arena *arena;
	struct gd__leak_result *result;
	struct gd__verdicts *v;
	struct gd__retained *kept; /* per goroutine */
};

/* Main has ended, or stands in an empty select to keep the program going, which others do. */
static bool main_as_meant(const struct check *c, const struct gd__ginfo *g)
{
	const struct gd__runtime *rt = &c->im->rt;

	if (g->id != (rt->main_id ? rt->main_id : 1))
		return false;
	return rt->ended || (!c->opt->all_asleep && g->state == GD__GI_WAITING &&
			     g->reason == GD__WAIT_SELECT_NONE);
}

/* Goroutines that are not reported whatever they do. */
static bool exempt(const struct check *c, size_t g)
{
	const struct gd__ginfo *gi = &c->im->g[g];

	return gi->background || gi->system || gi->state == GD__GI_DEAD || main_as_meant(c, gi);
}

/* What is to be said of a goroutine; false: nothing. */
static bool reported(const struct check *c, size_t g, struct gd__fate *f)
{
	*f = c->v->fate[g];
	if (exempt(c, g))
		return false;
	if (f->stuck)
		return true;
	*f = (struct gd__fate){ true, GD__VERDICT_ALIVE_AT_END, GD__EVIDENCE_ALIVE, 0 };
	return c->opt->at_end && c->im->g[g].id != c->im->checker_id;
}

static void fill_objects(const struct check *c, struct gd__leak *l)
{
	for (uint32_t i = 0; i < l->g.nwaits && i < 4; i++) {
		const struct gd__prim *p = NULL;

		if (!gd__image_wait(c->im, &l->g, i, &l->wait[i]))
			break;
		if (l->wait[i].obj)
			p = gd__wakers_find(&c->v->wakers, l->wait[i].obj, l->wait[i].kind);
		if (p)
			l->object[i] = p->info;
		else if (l->wait[i].obj) /* of a goroutine that may run: not in the table */
			gd__image_object(c->im, l->wait[i].obj, l->wait[i].kind, &l->object[i]);
		l->nobjects++;
	}
}

static bool measure(struct check *c)
{
	uint8_t *stuck = gd__arena_get(c->arena, c->im->ng + 1);

	c->kept = gd__arena_get(c->arena, (c->im->ng + 1) * sizeof(*c->kept));
	if (!stuck || !c->kept)
		return false;
	for (size_t g = 0; g < c->im->ng; g++)
		stuck[g] = c->v->fate[g].stuck;
	return gd__retained(&c->v->mark, stuck, c->kept, &c->result->shared);
}

static bool list(struct check *c)
{
	struct gd__leak_result *r = c->result;
	struct gd__fate f;
	size_t n = 0;

	for (size_t g = 0; g < c->im->ng; g++)
		if (reported(c, g, &f)) {
			r->by_verdict[f.verdict]++;
			r->count++;
		}
	r->leaks = gd__arena_get(c->arena, (r->count + 1) * sizeof(*r->leaks));
	if (!r->leaks)
		return false;
	for (unsigned verdict = 0; verdict < 4; verdict++)
		for (size_t g = 0; g < c->im->ng; g++) {
			if (!reported(c, g, &f) || f.verdict != verdict)
				continue;
			struct gd__leak *l = &r->leaks[n++];

			l->g = c->im->g[g];
			l->verdict = f.verdict;
			l->evidence = f.evidence;
			l->owner_id = f.owner_id;
			l->retained = c->kept[g];
			fill_objects(c, l);
		}
	return true;
}

/* What the verdicts could not rest on. */
static void say_what_is_missing(struct check *c)
{
	struct gd__leak_result *r = c->result;
	const char *why = "";

	if (c->im->missing[0])
		why = c->im->missing;
	else if (!c->im->has_heap)
		why = "no records of heap blocks: reachability proves nothing";
	else if (c->im->truncated || c->v->mark.unread)
		why = "some memory could not be read: reachability proves nothing";
	else if (c->v->wakers.broken)
		why = "some goroutines' wait records could not be read: they count as able to run";
	else if (c->v->cut)
		why = "stopped after many rounds: there may be more stuck goroutines";
	r->complete = why[0] == '\0';
	gd__fmt(r->why, sizeof(r->why), "%s", why);
}

int gd__leak_check_image(struct gd__image *im, const struct gd__leak_options *opt,
			 struct gd__arena *a, struct gd__leak_result *result)
{
	struct check c = { .im = im, .opt = opt, .arena = a, .result = result };

	*result = (struct gd__leak_result){ .goroutines = im->ng };
	c.v = gd__arena_get(a, sizeof(*c.v));
	if (!c.v || !gd__verdict_run(c.v, im, a, opt) || !measure(&c) || !list(&c)) {
		*result = (struct gd__leak_result){ .goroutines = im->ng };
		gd__fmt(result->why, sizeof(result->why), "out of memory for the leak check");
		return GD_ENOMEM;
	}
	result->ran = true;
	result->verdicts = c.v;
	result->now_ns = im->rt.now_ns;
	say_what_is_missing(&c);
	return GD_OK;
}
