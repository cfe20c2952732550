/*
 * access.c - the slow path of an access: check the facts of a cell, add one.
 *
 * Under the lock bit of the cell: every fact of the same bytes that conflicts
 * and is not ordered before g is a race; then the slot takes the new fact.
 * Reports are made after the lock is given up. While we are in here g->ignore is
 * raised, so that a signal handler's accesses do not wait for our lock.
 */
#include "detector/race/access.h"

#include "detector/race/history.h"
#include "detector/race/interval.h"
#include "detector/race/race_find.h"
#include "detector/race/record.h"
#include "detector/race/shadow.h"
#include "detector/race/site.h"
#include "detector/race/slot.h"

/*
 * Records that are known to hold a fact of the present interval: the third compare.
 * Entries of other intervals never match, so nobody clears them.
 */
struct seen {
	uint64_t word;
	uint32_t interval;
	uint8_t plain, atomic; /* bytes */
};
#define SEEN 16u
static GD__TLS struct seen seen[SEEN];

/* One access: what is the same for all its cells. */
struct visit {
	struct gd__hook_ctx *g;
	const struct gd__race_now *now;
	uint64_t stamp; /* fact without mask */
};

static struct seen *seen_of(uint64_t word)
{
	return &seen[((word >> 32) ^ (word >> 37)) % SEEN];
}

static bool was_seen(const struct gd__hook_ctx *g, uint64_t word, unsigned kind, uint64_t mask)
{
	const struct seen *s;

	word &= ~GD__FACT_LOCK;
	if (!gd__slot_is_record(word))
		return false;
	s = seen_of(word);
	if (s->word != word || g->hit == GD__HIT_NONE || s->interval != g->interval)
		return false;
	return (mask & ~(uint64_t)(s->plain | (kind & GD__ACCESS_ATOMIC ? s->atomic : 0))) == 0;
}

static void note_seen(const struct visit *v, uint64_t word, uint64_t mask)
{
	struct seen *s = seen_of(word);

	if (!gd__slot_is_record(word))
		return;
	if (s->word != word || s->interval != v->g->interval)
		*s = (struct seen){ .word = word, .interval = v->g->interval };
	if (v->now->kind & GD__ACCESS_ATOMIC)
		s->atomic |= (uint8_t)mask;
	else
		s->plain |= (uint8_t)mask;
}

/* Begins the interval if need be. false: the detector is off. */
static GD__ALWAYS_INLINE bool interval_ready(struct gd__hook_ctx *g)
{
	if (gd__unlikely(gd__load_relaxed(&gd__race_off))) /* a late look only costs time */
		return false;
	return gd__likely(g->hit != GD__HIT_NONE) || gd__interval_begin(g);
}

/* The fact of this access, without its bytes. */
static GD__ALWAYS_INLINE uint64_t stamp_of(const struct gd__hook_ctx *g, uintptr_t addr, size_t n,
					   unsigned kind, uintptr_t pc)
{
	/* Only then the bytes of a fact, some of which may be gone, tell where the access was. */
	bool aligned = n <= 16 && (n & (n - 1)) == 0 && (addr & (n - 1)) == 0;
	bool freed = (kind & GD__ACCESS_FREE) != 0;
	uint32_t site = gd__site_put(g, pc, aligned ? n : 0, freed);

	return gd__fact_make(g->interval, site, freed || (kind & GD__ACCESS_ATOMIC), 0);
}

/* Gathers the facts of a slot that race with this access. */
static void check_slot(const struct visit *v, uint64_t *slot, uint64_t mask, unsigned kind,
		       struct gd__race_list *found)
{
	struct gd__view facts = gd__slot_view(slot);

	for (uint32_t i = 0; i < facts.n; i++) {
		uint64_t f = facts.at[i];

		if (!(f & mask))
			continue;
		if (gd__fact_is_free(f)) {
			gd__race_list_add(found, f, mask, GD__ACCESS_WRITE | GD__ACCESS_FREE);
			continue;
		}
		if (gd__fact_id(f) == v->g->interval)
			continue;
		if (gd__fact_is_atomic(f) && (v->now->kind & GD__ACCESS_ATOMIC))
			continue;
		if (!gd__interval_before(v->g, gd__fact_id(f)))
			gd__race_list_add(found, f, mask,
					  kind | (gd__fact_is_atomic(f) ? GD__ACCESS_ATOMIC : 0));
	}
}

static uint64_t read_slot(const struct visit *v, uint64_t w, uint64_t r, uint64_t fact)
{
	/* A record of writes makes no hits: then the read gets its own fact. */
	if (!gd__slot_is_record(w) && gd__slot_covers(w, fact))
		return r;
	return gd__slot_add(v->g, r, fact, GD__SLOT_READS);
}

/* A fact of g's may stand alone where f was: f covers no other byte and is before it. */
static GD__ALWAYS_INLINE bool takes_place(const struct gd__hook_ctx *g, uint64_t f, uint64_t fact)
{
	if (f == 0)
		return true;
	if (gd__slot_is_record(f) || gd__fact_is_free(f) || (f & ~fact & GD__FACT_MASK))
		return false;
	if ((fact & GD__FACT_ATOMIC) && !(f & GD__FACT_ATOMIC))
		return false;
	return gd__interval_before(g, gd__fact_id(f));
}

/* A read may pass this write without more: no race, and not its own interval's. */
static GD__ALWAYS_INLINE bool passes(const struct gd__hook_ctx *g, uint64_t w, uint64_t fact)
{
	if (w == 0)
		return true;
	if (gd__slot_is_record(w) || gd__fact_is_free(w) || gd__fact_id(w) == gd__fact_id(fact))
		return false;
	return !(w & fact & GD__FACT_MASK) || (w & fact & GD__FACT_ATOMIC) ||
	       gd__interval_before(g, gd__fact_id(w));
}

/*
 * The common cases, each slot empty or one fact that gives way: what visit_cell
 * does, without its generality. false: not one of them, nothing was done.
 */
static GD__ALWAYS_INLINE bool visit_quickly(const struct gd__hook_ctx *g, struct gd__cell *c,
					    uint64_t fact, unsigned kind)
{
	uint64_t w = gd__cell_lock(c);
	uint64_t r = gd__load_relaxed(&c->r), w2 = w, r2 = r; /* under the lock */
	bool done;

	if (kind & GD__ACCESS_WRITE) {
		bool freeing = (kind & GD__ACCESS_FREE) != 0;
		uint64_t as =
			freeing ? fact & ~GD__FACT_ATOMIC : fact; /* free is no atomic access */

		done = takes_place(g, w, as) && takes_place(g, r, as);
		if (done) {
			w2 = fact;
			r2 = gd__fact_id(r) == gd__fact_id(fact) && !freeing ? r : 0;
		}
	} else {
		done = passes(g, w, fact) && takes_place(g, r, fact);
		if (done)
			r2 = fact;
	}
	gd__cell_unlock(c, w2, r2);
	return done;
}

/* mask: the bytes of the cell at addr that this access touches. */
static void visit_cell(const struct visit *v, uintptr_t addr, uint64_t mask)
{
	struct gd__cell *c = gd__cell_of(addr);
	struct gd__race_list found = { .n = 0 };
	uint64_t fact = v->stamp | mask;
	uint64_t w = gd__cell_lock(c);
	uint64_t r = gd__load_relaxed(&c->r); /* under the lock */
	uint64_t w2 = w, r2;

	check_slot(v, &w, mask, GD__ACCESS_WRITE, &found);
	if (v->now->kind & GD__ACCESS_WRITE) {
		if (r != 0)
			check_slot(v, &r, mask, GD__ACCESS_READ, &found);
		w2 = gd__slot_add(v->g, w, fact, GD__SLOT_WRITES);
		r2 = r ? gd__slot_strip(v->g, r, fact) : 0;
		note_seen(v, w2, mask);
	} else {
		r2 = read_slot(v, w, r, fact);
		note_seen(v, r2, mask);
	}
	gd__cell_count_records(c, w, r, w2, r2);
	gd__cell_unlock(c, w2, r2);
	if (gd__unlikely(found.n != 0))
		gd__race_found(v->g, v->now, addr & ~(uintptr_t)(GD__CELL_BYTES - 1), &found);
}

static GD__NOINLINE void visit_one(struct gd__hook_ctx *g, const struct gd__race_now *now,
				   uint64_t stamp, uint64_t mask)
{
	visit_cell(&(struct visit){ g, now, stamp }, now->addr, mask);
}

void gd__access_cell_slow(struct gd__hook_ctx *g, uintptr_t addr, size_t n, unsigned kind,
			  uintptr_t pc)
{
	struct gd__cell *c = gd__cell_of(addr);
	uint64_t mask = gd__access_mask(addr, n), stamp;

	if (gd__unlikely(g->ignore != 0))
		return;
	/* relaxed: as for hits, only facts of the own interval count */
	if (was_seen(g, gd__load_relaxed(kind & GD__ACCESS_WRITE ? &c->w : &c->r), kind, mask))
		return;
	g->ignore++;
	if (interval_ready(g)) {
		stamp = stamp_of(g, addr, n, kind, pc);
		if (g->nheld != 0)
			gd__history_note(g, stamp, addr);
		if (!visit_quickly(g, c, stamp | mask, kind))
			visit_one(g, &(struct gd__race_now){ addr, n, kind, pc }, stamp, mask);
	}
	g->ignore--;
}

/* The bytes of [addr, end) in the cell of addr. */
static uint64_t cell_mask(uintptr_t addr, uintptr_t end)
{
	size_t first = addr & (GD__CELL_BYTES - 1);
	size_t n = end - addr < GD__CELL_BYTES - first ? end - addr : GD__CELL_BYTES - first;

	return gd__access_mask(addr, n);
}

/* relaxed loads: as for hits, only facts of the own interval count */
static bool cell_hit(const struct gd__hook_ctx *g, uintptr_t addr, unsigned kind, uint64_t mask)
{
	struct gd__cell *c = gd__cell_of(addr);
	uint64_t bits = mask | (kind & GD__ACCESS_ATOMIC ? 0 : GD__FACT_ATOMIC);
	uint64_t w = gd__load_relaxed(&c->w);

	if (gd__slot_hit(w, g->hit, bits) && !gd__fact_is_free(w))
		return true;
	if (kind & GD__ACCESS_WRITE)
		return was_seen(g, w, kind, mask);
	uint64_t r = gd__load_relaxed(&c->r);

	return gd__slot_hit(r, g->hit, bits) || was_seen(g, r, kind, mask);
}

/* The cells of [now->addr, end). */
static void visit_range(struct gd__hook_ctx *g, const struct gd__race_now *now, uintptr_t end)
{
	struct visit v = { .g = g, .now = now };
	bool freeing = (now->kind & GD__ACCESS_FREE) != 0;

	for (uintptr_t a = now->addr, next; a < end; a = next) {
		uint64_t mask = cell_mask(a, end);

		next = (a & ~(uintptr_t)(GD__CELL_BYTES - 1)) + GD__CELL_BYTES;
		if (!freeing && cell_hit(g, a, now->kind, mask))
			continue;
		if (v.stamp == 0) {
			if (!interval_ready(g))
				return;
			v.stamp = stamp_of(g, now->addr, now->size, now->kind, now->pc);
		}
		if (g->nheld != 0)
			gd__history_note(g, v.stamp, a);
		if (!visit_quickly(g, gd__cell_of(a), v.stamp | mask, now->kind))
			visit_cell(&v, a, mask);
	}
}

void gd__access(struct gd__hook_ctx *g, uintptr_t addr, size_t n, unsigned kind, uintptr_t pc)
{
	size_t looked_at = n;

	if (gd__unlikely(g->ignore != 0) || n == 0)
		return;
	g->ignore++;
	if ((kind & GD__ACCESS_FREE) && n > GD__SHADOW_FREE_MAX) {
		looked_at = GD__SHADOW_FREE_MAX;
		gd__shadow_reset(addr + looked_at, n - looked_at);
	}
	visit_range(g, &(struct gd__race_now){ addr, n, kind, pc }, addr + looked_at);
	g->ignore--;
}
