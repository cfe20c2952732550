/* leak_expect.c - a short list of places, each with how many goroutines may leak there. */
#include "detector/leak/leak_expect.h"

#include <gdetect/error.h>
#include <gdetect/leak.h>

#include "detector/leak/leak_run.h"
#include "runtime/inspect/scope.h"

#define PLACES 64

/* Guarded by begin and end. */
static struct place {
	char where[GD__GI_TEXT];
	uint32_t scope;
	size_t count, seen; /* seen: by the check under way */
} * places;
static size_t nplaces;

static bool same(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (*a == '\0')
			return true;
	return false;
}

/* site is where, or ends with it after a slash. */
static bool is_site(const char *site, const char *where)
{
	for (const char *s = site; *s != '\0'; s++)
		if ((s == site || s[-1] == '/') && same(s, where))
			return true;
	return false;
}

static bool is_function(uint64_t entry, const char *where)
{
	static struct gd__symbol s; /* guarded by begin and end */

	return gd__symbolize((uintptr_t)entry, false, 0, &s) && same(s.function, where);
}

static struct place *find(const struct gd__ginfo *g)
{
	for (size_t i = 0; i < nplaces; i++) {
		struct place *p = &places[i];

		if ((p->scope == 0 || p->scope == g->scope) &&
		    (same(g->name, p->where) || is_site(g->site, p->where) ||
		     is_function(g->entry, p->where)))
			return p;
	}
	return NULL;
}

/* Takes up to n goroutines off the front of g. Of a test's the end of the program does not tell. */
static size_t take(struct gd__leak_groups *gs, struct gd__leak_group *g,
		   const struct gd__leak_result *r, const struct place *p)
{
	size_t n = p->count > p->seen ? p->count - p->seen : 0, taken = 0;

	for (; taken < n && g->count > 0; taken++, g->count--) {
		if (p->scope != 0)
			gd__leak_know(r->leaks[g->first].g.id);
		g->first = gs->next[g->first];
	}
	return taken;
}

static size_t sift_group(struct gd__leak_groups *gs, struct gd__leak_group *g,
			 const struct gd__leak_result *r, struct gd__out *o)
{
	struct place *p = find(&r->leaks[g->first].g);
	size_t taken = p ? take(gs, g, r, p) : 0;

	if (!p)
		return 0;
	p->seen += taken + g->count;
	if (g->count > 0)
		gd__out_fmt(o,
			    "WARNING: gdetect: %lu leaked goroutine%s of %s expected, and there "
			    "are more:\n",
			    (unsigned long)p->count, p->count == 1 ? "" : "s", p->where);
	return taken;
}

size_t gd__expect_sift(struct gd__leak_groups *gs, const struct gd__leak_result *r,
		       struct gd__out *o)
{
	size_t kept = 0, taken = 0;

	if (nplaces == 0)
		return 0;
	for (size_t i = 0; i < nplaces; i++)
		places[i].seen = 0;
	for (size_t i = 0; i < gs->n; i++) {
		taken += sift_group(gs, &gs->group[i], r, o);
		if (gs->group[i].count > 0)
			gs->group[kept++] = gs->group[i];
	}
	gs->n = kept;
	return taken;
}

size_t gd__expect_finish(uint32_t scope, struct gd__out *o)
{
	size_t kept = 0, missed = 0;

	for (size_t i = 0; i < nplaces; i++) {
		struct place *p = &places[i];

		if (p->scope != scope) {
			places[kept++] = *p;
			continue;
		}
		if (p->seen >= p->count)
			continue;
		missed += p->count - p->seen;
		gd__out_fmt(o,
			    "WARNING: gdetect: expected leak did not happen: %lu of %lu "
			    "goroutines of %s leaked\n",
			    (unsigned long)p->seen, (unsigned long)p->count, p->where);
	}
	nplaces = kept;
	return missed;
}

bool gd__expect_any(uint32_t scope)
{
	for (size_t i = 0; i < nplaces; i++)
		if (places[i].scope == scope)
			return true;
	return false;
}

static int add(const char *where, size_t count)
{
	size_t n = 0;

	if (!places)
		places = gd__dalloc(PLACES * sizeof(*places));
	if (!places || nplaces == PLACES)
		return GD_ENOMEM;
	while (where && where[n] != '\0')
		n++;
	if (n == 0 || n >= sizeof(places->where) || count == 0)
		return GD_EINVAL;
	struct place *p = &places[nplaces++];

	*p = (struct place){ .scope = gd__scope_of_self(), .count = count };
	gd__memcpy(p->where, where, n);
	return GD_OK;
}

int gd_leak_expect(const char *where, size_t count)
{
	int r;

	gd__leak_install();
	gd__leak_begin(true);
	r = add(where, count);
	gd__leak_end();
	return r;
}
