/*
 * gctx.c - see gctx.h. Records of goroutines that have ended are used again: reports name them
 * through their chain's journal (chain.h) and their accesses' sites, never through the record.
 */
#include "detector/race/gctx.h"

#include "detector/common/alloc.h"
#include "detector/common/depot.h"
#include "detector/race/chain.h"
#include "detector/race/site.h"
#include "detector/race/spin.h"
#include "runtime/base/fatal.h"

#define FIRST_FRAMES 32u
#define MOST_FRAMES  (64u << 10)
#define ROOT_CTX     ((uint64_t)1)

GD__TLS struct gd__hook_ctx *gd__race_cur;

static struct gd__spin lock;
static struct gd__hook_ctx *unused; /* guarded by lock */
static _Atomic uint32_t next_serial = 1;

static struct gd__hook_ctx *take_unused(void)
{
	gd__spin_lock(&lock);
	struct gd__hook_ctx *g = unused;

	if (g)
		unused = g->next;
	gd__spin_unlock(&lock);
	return g;
}

static bool frames_make(struct gd__hook_ctx *g, size_t n)
{
	g->frames = gd__dalloc(n * sizeof(*g->frames));
	if (!g->frames)
		return false;
	g->frame_end = g->frames + n;
	g->frames[0].ctx = ROOT_CTX;
	g->frame = g->frames + 1;
	return true;
}

static struct gd__hook_ctx *record_make(void)
{
	struct gd__hook_ctx *g = take_unused();

	if (g)
		return g;
	g = gd__dalloc(sizeof(*g));
	if (!g || !frames_make(g, FIRST_FRAMES))
		gd__throw("race: no memory for a goroutine's record");
	return g;
}

struct gd__hook_ctx *gd__gctx_make(struct gd__hook_ctx *parent, uint64_t goid, uintptr_t pc,
				   uint32_t create_stack)
{
	struct gd__hook_ctx *g = record_make();

	*g = (struct gd__hook_ctx){ .hit = GD__HIT_NONE,
				    .frames = g->frames,
				    .frame = g->frames + 1,
				    .frame_end = g->frame_end,
				    .goid = goid,
				    .entry_pc = pc,
				    .create_stack = create_stack };
	g->serial = gd__add_relaxed(&next_serial, 1); /* only distinct numbers matter */
	if (parent) {
		g->parent_goid = parent->goid;
		gd__clock_spawn(&parent->clock, &g->clock);
		gd__gctx_new_interval(parent);
	} else {
		gd__clock_init(&g->clock);
	}
	gd__chain_note(&g->clock, &(struct gd__chain_entry){ .create_stack = create_stack,
							     .goid = goid,
							     .parent_goid = g->parent_goid,
							     .serial = g->serial });
	return g;
}

void gd__gctx_end(struct gd__hook_ctx *g)
{
	if (gd__race_cur == g)
		gd__race_cur = NULL;
	gd__clock_end(&g->clock, g->accessed);
	gd__clock_release_value(&g->fence_release);
	gd__clock_release_value(&g->fence_acquire);
	if (g->frame_end - g->frames > FIRST_FRAMES) {
		gd__dfree(g->frames, (size_t)(g->frame_end - g->frames) * sizeof(*g->frames));
		if (!frames_make(g, FIRST_FRAMES))
			return; /* the record is lost, no more */
	}
	gd__spin_lock(&lock);
	g->next = unused;
	unused = g;
	gd__spin_unlock(&lock);
}

/* Doubles the shadow call stack; false when it is as large as it gets. */
static bool frames_grow(struct gd__hook_ctx *g)
{
	size_t n = (size_t)(g->frame_end - g->frames);
	struct gd__frame *old = g->frames;

	if (g->frames_lost > 0 || n >= MOST_FRAMES || !frames_make(g, n * 2)) {
		g->frames = old;
		return false;
	}
	for (size_t i = 0; i < n; i++)
		g->frames[i] = old[i];
	g->frame = g->frames + n;
	gd__dfree(old, n * sizeof(*old));
	return true;
}

void gd__gctx_push_slow(struct gd__hook_ctx *g, uintptr_t pc)
{
	if (!frames_grow(g)) {
		g->frames_lost++;
		return;
	}
	gd__frame_fill(g->frame++, pc);
}

void gd__gctx_lock(struct gd__hook_ctx *g, uintptr_t l, uint32_t stack, bool write)
{
	g->held_set = 0;
	if (g->nheld == GD__RACE_HELD) {
		g->held_lost++;
		return;
	}
	g->held[g->nheld++] = (struct gd__held_lock){ l, stack, write };
}

void gd__gctx_unlock(struct gd__hook_ctx *g, uintptr_t l, bool write)
{
	g->held_set = 0;
	for (uint32_t i = g->nheld; i-- > 0;) {
		if (g->held[i].lock != l || g->held[i].write != write)
			continue;
		for (g->nheld--; i < g->nheld; i++)
			g->held[i] = g->held[i + 1];
		return;
	}
	if (g->held_lost > 0)
		g->held_lost--;
}

size_t gd__gctx_stack(const struct gd__hook_ctx *g, uintptr_t pc, uintptr_t *pcs, size_t max)
{
	size_t n = 0;

	if (pc != 0 && max > 0)
		pcs[n++] = pc;
	for (const struct gd__frame *f = g->frame; n < max && f > g->frames + 1;)
		pcs[n++] = (--f)->pc;
	return n;
}

uint32_t gd__gctx_stack_id(const struct gd__hook_ctx *g, uintptr_t pc)
{
	uintptr_t pcs[GD__DEPOT_FRAMES];
	struct gd__site_info site;

	if (pc == 0 && gd__site_get(gd__site_put(g, 0, 0, false), 0, &site) && site.whole)
		return site.stack;
	return gd__depot_put(pcs, gd__gctx_stack(g, pc, pcs, GD__DEPOT_FRAMES));
}
