/* tally.c - a short list of groups by hash: looked through in order, as there are few. */
#include "detector/leak/tally.h"

#include "detector/leak/ignore.h"
#include "detector/leak/recover.h"

struct entry {
	uint64_t hash;
	size_t recovered;
	bool ignored; /* by a suppression */
	bool told;    /* a report was printed */
	char fingerprint[GD__FINGERPRINT_LEN];
};

static struct entry *entries; /* GD__TALLY_MAX of them */
static size_t nentries;
static struct entry rest;

static struct entry *find(uint64_t hash)
{
	for (size_t i = 0; i < nentries; i++)
		if (entries[i].hash == hash)
			return &entries[i];
	return NULL;
}

static struct entry *add(const struct gd__leak_group *g, const struct gd__leak *l)
{
	struct entry *e;

	if (!entries)
		entries = gd__dalloc(GD__TALLY_MAX * sizeof(*entries));
	if (!entries || nentries == GD__TALLY_MAX)
		return &rest;
	e = &entries[nentries++];
	e->hash = g->hash;
	e->ignored = gd__leak_ignored(g, l, e->fingerprint);
	return e;
}

static size_t count(const struct gd__leak_groups *gs, const struct gd__leak_group *g,
		    const struct gd__leak_result *r, enum gd__recovered what)
{
	size_t n = 0;

	for (size_t i = g->first; i != GD__GROUP_END; i = gs->next[i])
		n += r->leaks[i].recovery == 1 + what;
	return n;
}

static size_t count_open(const struct gd__leak_groups *gs, const struct gd__leak_group *g,
			 const struct gd__leak_result *r)
{
	size_t n = 0;

	for (size_t i = g->first; i != GD__GROUP_END; i = gs->next[i])
		n += gd__recover_open(&r->leaks[i]);
	return n;
}

void gd__tally_add(struct gd__leak_groups *gs, const struct gd__leak_result *r,
		   enum gd__tally_how how, struct gd__tally *t)
{
	size_t kept = 0;

	*t = (struct gd__tally){ 0 };
	for (size_t i = 0; i < gs->n; i++) {
		const struct gd__leak_group *g = &gs->group[i];
		const struct gd__leak *l = &r->leaks[g->first];
		size_t open = count_open(gs, g, r);
		struct entry *e = open > 0 ? find(g->hash) : NULL;
		bool known = how == GD__TALLY_NEWS && e && e->told && open == g->count;

		if (open > 0 && !e)
			e = add(g, l);
		if (e)
			e->recovered += count(gs, g, r, GD__RECOVERED);
		if (e && how != GD__TALLY_QUIET)
			e->told = true;
		if (e && !e->ignored) {
			t->open += open;
			t->muted += known ? open : 0;
		}
		if (!known)
			gs->group[kept++] = *g;
	}
	gs->n = kept;
}

static bool same_name(const struct entry *a, const struct entry *b)
{
	return gd__memcmp(a->fingerprint, b->fingerprint, sizeof(a->fingerprint)) == 0;
}

/* Groups differ in addresses that have the same names: they are one line. */
static void print_entry(struct gd__out *o, const struct entry *e)
{
	size_t sum = 0;

	for (const struct entry *other = entries; other < e; other++)
		if (!other->ignored && same_name(other, e))
			return;
	for (const struct entry *other = e; other < entries + nentries; other++)
		if (!other->ignored && same_name(other, e))
			sum += other->recovered;
	if (sum > 0 && !e->ignored)
		gd__out_fmt(o, "  %lu  %s\n", (unsigned long)sum,
			    e->fingerprint[0] ? e->fingerprint : "without a name");
}

size_t gd__tally_total(void)
{
	size_t all = rest.recovered;

	for (size_t i = 0; i < nentries; i++)
		all += entries[i].ignored ? 0 : entries[i].recovered;
	return all;
}

void gd__tally_print(struct gd__out *o)
{
	size_t all = gd__tally_total();

	gd__out_fmt(o, "SUMMARY: gdetect: recovery: %lu leaked goroutine%s returned GD_ELEAKED\n",
		    (unsigned long)all, all == 1 ? "" : "s");
	for (size_t i = 0; i < nentries; i++)
		print_entry(o, &entries[i]);
	if (rest.recovered > 0)
		gd__out_fmt(o, "  %lu  of other groups\n", (unsigned long)rest.recovered);
}

void gd__tally_forget(void)
{
	nentries = 0;
	rest.recovered = 0;
}

void gd__tally_explain(struct gd__out *o, const struct gd__leak_groups *gs,
		       const struct gd__leak_group *g, const struct gd__leak_result *r)
{
	static const char *const why[] = {
		[GD__RECOVER_NOT_ASKED] = "gd_go_recoverable was not called",
		[GD__RECOVER_TOLD] = "told before, and waits again",
		[GD__RECOVER_NO_CODE] = "the operation has no result",
		[GD__RECOVER_IN_USE] = "the next check tries again",
		[GD__RECOVER_HELPED] = "a recovered goroutine may give up the lock",
		[GD__RECOVER_LATE] = "the program ended first",
		[GD__RECOVER_GONE] = "went on by itself",
	};
	const char *sep = "  recovery: ";
	size_t n = count(gs, g, r, GD__RECOVERED);

	if (n > 0) {
		gd__out_fmt(o, "%s%lu returned GD_ELEAKED", sep, (unsigned long)n);
		sep = "; ";
	}
	for (int what = GD__RECOVERED + 1; what <= GD__RECOVER_GONE; what++) {
		n = count(gs, g, r, what);
		if (n > 0) {
			gd__out_fmt(o, "%s%lu not: %s", sep, (unsigned long)n, why[what]);
			sep = "; ";
		}
	}
	if (sep[0] == ';')
		gd__out_str(o, "\n");
}
