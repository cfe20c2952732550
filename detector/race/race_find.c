/* race_find.c - see race_find.h. Off the hot path: it uses some KiB of stack. */
#include "detector/race/race_find.h"

#include "detector/common/depot.h"
#include "detector/race/access.h"
#include "detector/race/chain.h"
#include "detector/race/history.h"
#include "detector/race/interval.h"
#include "detector/race/race_report.h"
#include "detector/race/site.h"

void (*gd__race_sink)(struct gd__race *r) = gd__race_report;

static void fill_now(struct gd__race_access *a, const struct gd__hook_ctx *g,
		     const struct gd__race_now *now)
{
	a->addr = now->addr;
	a->size = (uint32_t)now->size;
	a->kind = now->kind;
	a->goid = g->goid;
	a->serial = g->serial;
	a->goid_known = true;
	a->finished = false;
	a->nframes = gd__gctx_stack(g, now->pc, a->pcs, GD__RACE_FRAMES);
	a->stack_whole = g->frames_lost == 0 && (size_t)(g->frame - g->frames) <= GD__RACE_FRAMES;
	a->create_stack = g->create_stack;
	a->parent_goid = g->parent_goid;
	a->nheld = g->nheld;
	for (uint32_t i = 0; i < g->nheld; i++)
		a->held[i] = g->held[i];
}

/*
 * Where the earlier access lay: its size is in its site if it was aligned. Else
 * the bytes of the fact are all there is, those of several accesses maybe.
 */
static void fill_place(struct gd__race_access *a, uint64_t fact, unsigned byte,
		       const struct gd__site_info *site, uintptr_t cell)
{
	uint32_t all = (uint32_t)(fact & GD__FACT_MASK);
	unsigned bytes = gd__site_bytes(gd__fact_site(fact), all, byte);
	unsigned first = byte;

	if (site->size != 0) { /* aligned; 16 bytes are two cells */
		a->addr = (cell + byte) & ~((uintptr_t)site->size - 1);
		a->size = site->size;
		return;
	}
	while (first > 0 && (bytes >> (first - 1) & 1))
		first--;
	a->addr = cell + first;
	a->size = (uint32_t)__builtin_ctz(~(bytes >> first));
}

static void fill_before(struct gd__race_access *a, uint64_t fact, unsigned byte, unsigned kind,
			uintptr_t cell)
{
	struct gd__chain_entry who = { 0 };
	struct gd__site_info site;
	uint32_t id = gd__fact_id(fact);
	bool known = gd__site_get(gd__fact_site(fact), byte, &site);

	fill_place(a, fact, byte, &site, cell);
	a->kind = kind;
	a->goid_known = gd__chain_whois(gd__interval_chain(id), gd__interval_epoch(id), &who);
	a->goid = who.goid;
	a->serial = who.serial;
	a->finished = a->goid_known && who.finished;
	a->create_stack = who.create_stack;
	a->parent_goid = who.parent_goid;
	uint32_t single = gd__site_of_byte(gd__fact_site(fact), byte);

	a->nheld = gd__history_find(gd__fact_make(id, single, false, 0), cell, a->held);
	a->pcs[0] = site.pc;
	a->nframes = 1 + gd__depot_get(site.stack, a->pcs + 1, GD__RACE_FRAMES - 1);
	a->stack_whole = known && site.whole;
}

void gd__race_found(struct gd__hook_ctx *g, const struct gd__race_now *now, uintptr_t cell,
		    const struct gd__race_list *found)
{
	struct gd__race r = { .now = { .addr = 0 } };

	fill_now(&r.now, g, now);
	for (uint32_t i = 0; i < found->n; i++) {
		unsigned byte = (unsigned)__builtin_ctz(found->at[i].overlap);

		fill_before(&r.before, found->at[i].fact, byte, found->at[i].kind, cell);
		gd__race_sink(&r);
	}
}
