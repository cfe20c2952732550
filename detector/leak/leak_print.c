/*
 * leak_print.c - a check's result as text: one paragraph for each group of leaks, for the first
 * of the group in full.
 */
#include "detector/leak/leak_print.h"

#include "detector/leak/explain.h"
#include "detector/leak/ignore.h"
#include "runtime/base/os_linux.h"

#define DIVIDER           "==================\n"
#define IDS_SHOWN         20
#define READERS_LOOKED_AT 1000

/* "first.c:12", or "app+0x1f". */
static void print_place(struct gd__out *o, uint64_t pc)
{
	static struct gd__symbol s; /* one report at a time */

	if (!gd__symbolize((uintptr_t)pc, true, 0, &s))
		gd__out_fmt(o, "%p", (const void *)(uintptr_t)pc);
	else if (s.line > 0)
		gd__out_fmt(o, "%s:%d", s.file, s.line);
	else
		gd__out_fmt(o, "%s+0x%lx", s.module, (unsigned long)s.offset);
}

static void print_bytes(struct gd__out *o, uint64_t n)
{
	if (n < 10000)
		gd__out_fmt(o, "%lu bytes", (unsigned long)n);
	else if (n < 10000000)
		gd__out_fmt(o, "%lu kB", (unsigned long)(n / 1000));
	else
		gd__out_fmt(o, "%lu MB", (unsigned long)(n / 1000000));
}

static void print_last(struct gd__out *o, const char *what, uint64_t id, uint64_t pc)
{
	if (id == 0)
		return;
	gd__out_fmt(o, "  %s: by goroutine %lu at ", what, (unsigned long)id);
	print_place(o, pc);
	gd__out_str(o, "\n");
}

static void print_owner(struct gd__out *o, const struct gd__oinfo *x)
{
	if (x->owner_id == 0)
		return;
	gd__out_fmt(o, "  held by: goroutine %lu", (unsigned long)x->owner_id);
	if (x->owner_pc) {
		gd__out_str(o, ", locked at ");
		print_place(o, x->owner_pc);
	}
	gd__out_str(o, "\n");
}

/* Goroutine g holds a read lock on x: where it took it. */
static void print_reader(struct gd__out *o, const struct gd__ginfo *g, const struct gd__oinfo *x)
{
	for (uint32_t i = 0; i < g->nheld; i++) {
		if (g->held[i].lock != x->addr)
			continue;
		gd__out_fmt(o, "  read lock held by: goroutine %lu, taken at ",
			    (unsigned long)g->id);
		print_place(o, g->held[i].pc);
		gd__out_str(o, "\n");
	}
}

/* Of the readers, those that are stuck themselves are worth a line. */
static void print_readers(struct gd__out *o, const struct gd__leak_report *r,
			  const struct gd__oinfo *x)
{
	for (size_t i = 0; x->readers > 0 && i < r->result->count && i < READERS_LOOKED_AT; i++)
		print_reader(o, &r->result->leaks[i].g, x);
}

static void print_drop(struct gd__out *o, const struct gd__leak_report *r, uint64_t chan)
{
	const struct gd__leak_drop *d = r->drop ? r->drop(chan) : NULL;

	if (!d)
		return;
	gd__out_fmt(o, "  last reference dropped by goroutine %lu:\n", (unsigned long)d->goid);
	gd__print_stack(o, d->pcs, d->npcs);
}

static void print_object(struct gd__out *o, const struct gd__leak_report *r,
			 const struct gd__leak *l, uint32_t i)
{
	const struct gd__oinfo *x = &l->object[i];

	gd__out_str(o, "  waits for: ");
	gd__explain_object(o, l, i);
	if (x->valid && x->kind == GD__OBJ_CHAN && x->site[0] == '\0' && x->make_pc) {
		gd__out_str(o, ", made at ");
		print_place(o, x->make_pc);
	}
	gd__out_str(o, "\n");
	if (!x->valid)
		return;
	print_last(o, "last receive", x->last_recv_id, x->last_recv_pc);
	print_last(o, "last send", x->last_send_id, x->last_send_pc);
	print_owner(o, x);
	print_readers(o, r, x);
	if (x->kind == GD__OBJ_CHAN && l->evidence == GD__EVIDENCE_DROPPED)
		print_drop(o, r, x->addr);
}

static void print_creation(struct gd__out *o, const struct gd__ginfo *g)
{
	static struct gd__symbol s; /* one report at a time */

	if (g->id == 1)
		return;
	gd__out_str(o, "  created by ");
	if (g->ncreate > 0 && gd__symbolize((uintptr_t)g->create_pc[0], true, 0, &s) &&
	    s.function[0])
		gd__out_fmt(o, "%s ", s.function);
	if (g->parent_id)
		gd__out_fmt(o, "in goroutine %lu ", (unsigned long)g->parent_id);
	gd__out_str(o, "at ");
	if (g->site[0])
		gd__out_str(o, g->site);
	else if (g->ncreate > 0)
		print_place(o, g->create_pc[0]);
	else
		gd__out_str(o, "an unknown place");
	gd__out_str(o, "\n");
}

static void print_ids(struct gd__out *o, const struct gd__leak_report *r,
		      const struct gd__leak_group *g)
{
	size_t shown = 0;

	gd__out_str(o, g->count == 1 ? "  goroutine: " : "  goroutines: ");
	for (size_t i = g->first; i != GD__GROUP_END && shown < IDS_SHOWN; i = r->groups->next[i])
		gd__out_fmt(o, "%s%lu", shown++ ? ", " : "",
			    (unsigned long)r->result->leaks[i].g.id);
	if (g->count > shown)
		gd__out_fmt(o, " and %lu more", (unsigned long)(g->count - shown));
	if (r->result->leaks[g->first].g.name[0])
		gd__out_fmt(o, " (%s)", r->result->leaks[g->first].g.name);
	gd__out_str(o, "\n");
}

static void print_group(struct gd__out *o, const struct gd__leak_report *r,
			const struct gd__leak_group *g, const char *fingerprint)
{
	const struct gd__leak *l = &r->result->leaks[g->first];
	struct gd__advice advice = gd__explain_advice(l);

	gd__out_fmt(o, "%lu goroutine%s [%s] ", (unsigned long)g->count, g->count > 1 ? "s" : "",
		    l->g.state == GD__GI_WAITING ? gd__wait_text(l->g.reason) : "not waiting");
	gd__explain_verdict(o, l);
	gd__out_str(o, "\n");
	if (g->npcs > 0)
		gd__print_stack(o, g->pcs, g->npcs);
	else
		gd__out_str(o, "    [no stack]\n");
	for (uint32_t i = 0; i < l->nobjects; i++)
		print_object(o, r, l, i);
	if (l->nobjects == 0 && l->g.nwaits > 0)
		gd__out_str(o, "  waits for: what lies in memory that cannot be read\n");
	else if (l->g.nwaits > l->nobjects)
		gd__out_fmt(o, "  and for %u more\n", l->g.nwaits - l->nobjects);
	print_creation(o, &l->g);
	print_ids(o, r, g);
	gd__out_str(o, "  retained: ");
	print_bytes(o, g->retained.stack + g->retained.heap);
	gd__out_str(o, "\n");
	if (advice.pattern)
		gd__out_fmt(o, "  looks like: %s; usual repair: %s\n", advice.pattern,
			    advice.repair);
	if (fingerprint[0])
		gd__out_fmt(o, "  fingerprint: %s\n", fingerprint);
	gd__out_str(o, "\n");
}

static void print_summary(struct gd__out *o, const struct gd__leak_report *r)
{
	size_t leaked = r->reported[GD__VERDICT_PROVEN] + r->reported[GD__VERDICT_OWNER_STUCK];
	size_t alive = r->reported[GD__VERDICT_ALIVE_AT_END];
	size_t suspect = r->reported[GD__VERDICT_SUSPECT];

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
			r->suppressed += g->count;
			continue;
		}
		if (!begun)
			gd__out_fmt(o, DIVIDER "WARNING: gdetect: goroutine leak (pid=%d)\n",
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
