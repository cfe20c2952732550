/*
 * leak_print.c - a check's result as text: one paragraph for each group of leaks, for the first
 * of the group in full. The words are tell.c's; here are the names of our own process.
 */
#include "detector/leak/leak_print.h"

#include "detector/leak/ignore.h"
#include "detector/leak/tally.h"
#include "detector/leak/tell.h"
#include "runtime/base/os_linux.h"

#define DIVIDER "==================\n"

static void gather(const struct gd__leak_report *r, const struct gd__leak_group *g,
		   struct gd__tale *a)
{
	a->youngest_ns = INT64_MAX;
	a->oldest_ns = -1;
	for (size_t i = g->first; i != GD__GROUP_END; i = r->groups->next[i]) {
		const struct gd__ginfo *gi = &r->result->leaks[i].g;
		int64_t age = r->result->now_ns - gi->since_ns;

		if (a->nids < GD__TALE_IDS)
			a->id[a->nids++] = gi->id;
		if (gi->state != GD__GI_WAITING || age < 0)
			continue;
		a->oldest_ns = age > a->oldest_ns ? age : a->oldest_ns;
		a->youngest_ns = age < a->youngest_ns ? age : a->youngest_ns;
	}
}

static void print_group(struct gd__out *o, const struct gd__leak_report *r,
			const struct gd__leak_group *g, const char *fingerprint)
{
	struct gd__tale a = { .leak = &r->result->leaks[g->first],
			      .story = g->story,
			      .count = g->count,
			      .retained = g->retained,
			      .fingerprint = fingerprint };
	struct gd__tongue t = gd__own_names(r->drop);

	gather(r, g, &a);
	gd__tell_prepare(&t, a.story);
	gd__tell_head(o, &t, &a);
	if (g->npcs > 0)
		gd__print_stack(o, g->pcs, g->npcs);
	else
		gd__out_str(o, "    [no stack]\n");
	gd__tally_explain(o, r->groups, g, r->result);
	gd__tell_rest(o, &t, &a);
}

static void print_summary(struct gd__out *o, const struct gd__leak_report *r)
{
	size_t leaked = r->reported[GD__VERDICT_PROVEN] + r->reported[GD__VERDICT_OWNER_STUCK];
	size_t alive = r->reported[GD__VERDICT_ALIVE_AT_END];
	size_t suspect = r->reported[GD__VERDICT_SUSPECT];

	gd__tell_shared(o, &r->result->shared);
	gd__out_fmt(o, "SUMMARY: gdetect: %lu goroutine%s leaked", (unsigned long)leaked,
		    leaked == 1 ? "" : "s");
	if (alive)
		gd__out_fmt(o, ", %lu still alive", (unsigned long)alive);
	if (suspect)
		gd__out_fmt(o, ", %lu suspect", (unsigned long)suspect);
	if (r->suppressed)
		gd__out_fmt(o, ", %lu suppressed", (unsigned long)r->suppressed);
	gd__out_str(o, "\n" DIVIDER);
}

void gd__leak_print(struct gd__leak_report *r, struct gd__out *o)
{
	char fingerprint[GD__FINGERPRINT_LEN];
	bool begun = false;

	for (size_t i = 0; i < r->groups->n; i++) {
		const struct gd__leak_group *g = &r->groups->group[i];
		const struct gd__leak *l = &r->result->leaks[g->first];

		if (gd__leak_ignored(g, l, fingerprint)) {
			r->groups->group[i].left_out = true;
			r->suppressed += g->count;
			continue;
		}
		if (!begun)
			gd__out_fmt(o, DIVIDER "WARNING: gdetect: goroutine leak%s%s (pid=%d)\n",
				    r->test ? " in test " : "", r->test ? r->test : "",
				    gd__os_pid());
		begun = true;
		r->reported[l->verdict] += g->count;
		print_group(o, r, g, fingerprint);
	}
	if (!r->result->complete)
		gd__out_fmt(o, "WARNING: gdetect: the leak check is incomplete: %s\n",
			    r->result->why);
	if (begun) {
		gd__print_missing(o);
		print_summary(o, r);
	}
	gd__out_flush(o);
}
