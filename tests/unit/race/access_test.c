/*
 * access_test.c - the shadow against a model that keeps every access of every byte.
 *
 * Goroutines are records that this thread plays in turn; synchronisation is by
 * clocks of the real kind, and by dense clocks with unique ids in the model. No
 * report may be one that the model does not confirm, with the right place, kind,
 * goroutine and site on both sides. Every access that races with an earlier one
 * must be reported, unless one of its bytes was in a report before.
 */
#include <pthread.h>

#include "detector/race/access.h"
#include "detector/race/hooks.h"
#include "detector/race/interval.h"
#include "detector/race/race_find.h"
#include "detector/race/race_report.h"
#include "detector/race/record.h"
#include "detector/race/site.h"
#include "tests/support/unit.h"

#define CELLS    24
#define BYTES    (CELLS * 8)
#define GOS      600 /* in all */
#define LIVE_MAX 160
#define OBJECTS  12
#define HISTORY  4000

static char arena[BYTES] __attribute__((aligned(64)));

/* Places of code: a pc says kind, size (0: a range) and a variant. */
static uintptr_t pc_of(unsigned kind, size_t size, unsigned variant)
{
	return 0x400000 + kind * 0x10000 + size * 0x100 + variant * 0x10 + 1;
}

/* Reports of the access being made. */
#define REPORTS 512
static struct gd__race reports[REPORTS];
static size_t nreports;

static void take_report(struct gd__race *r)
{
	if (nreports < REPORTS)
		reports[nreports++] = *r;
}

static void set_up(void)
{
	CHECK(gd__race_init());
	gd__race_sink = take_report;
	gd__race_cur = NULL; /* this thread's own accesses are not the subject */
}

/* ---- model ---- */

struct past {
	uint32_t go, time; /* goroutine and its own clock */
	uint32_t addr, size;
	unsigned kind;
	uintptr_t pc;
	uint64_t ctx; /* caller's pc */
};

static struct past history[HISTORY];
static size_t nhistory;
static bool dirty[BYTES];

struct go {
	struct gd__hook_ctx *g;
	uint32_t clock[GOS];
	uint32_t serial;
	uint64_t caller;
};
static struct go *gos;
static uint32_t ngos, live[LIVE_MAX], nlive;

struct object {
	struct gd__clock value;
	uint32_t clock[GOS];
};
static struct object *objects;

static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 11) % n;
}

static bool conflict(const struct past *a, const struct past *b)
{
	if (((a->kind | b->kind) & GD__ACCESS_FREE))
		return true;
	if (!((a->kind | b->kind) & GD__ACCESS_WRITE))
		return false;
	return !(a->kind & b->kind & GD__ACCESS_ATOMIC);
}

/* old, an earlier access, races with now, made by gos[now->go] at this moment. */
static bool races(const struct past *old, const struct past *now)
{
	if (!conflict(old, now))
		return false;
	if (old->kind & GD__ACCESS_FREE)
		return true;
	return gos[now->go].clock[old->go] < old->time;
}

static bool overlap(const struct past *a, uint32_t addr, uint32_t size)
{
	return a->addr < addr + size && addr < a->addr + a->size;
}

static void forget(uint32_t addr, uint32_t size)
{
	size_t n = 0;

	/* What is forgotten in part is cut into what remains. */
	for (size_t i = 0; i < nhistory && n < HISTORY - 2; i++) {
		struct past p = history[i];

		if (overlap(&p, addr, size))
			continue; /* callers forget whole accesses only: see op_reset */
		history[n++] = p;
	}
	nhistory = n;
	for (uint32_t b = addr; b < addr + size; b++)
		dirty[b] = false;
}

/* ---- checks of one access ---- */

static void fail_with(const char *what, const struct past *now, const struct gd__race *r)
{
	fprintf(stderr, "seed state %lu: go %u kind %u [%u,+%u)\n", (unsigned long)seed, now->go,
		now->kind, now->addr, now->size);
	if (r)
		fprintf(stderr, "  before: serial %u kind %u [%ld,+%u) pc %lx\n", r->before.serial,
			r->before.kind, (long)(r->before.addr - (uintptr_t)arena), r->before.size,
			(unsigned long)r->before.pcs[0]);
	unit_fail(__FILE__, __LINE__, what, "");
}

/* A past access that this report may mean: same goroutine, kind, pc, place, and it does race. */
static bool confirmed(const struct gd__race_access *b, const struct past *now)
{
	uint32_t addr = (uint32_t)(b->addr - (uintptr_t)arena);

	for (size_t i = 0; i < nhistory; i++) {
		const struct past *p = &history[i];
		bool range =
			(p->size & (p->size - 1)) != 0 || p->size > 16 || p->addr % p->size != 0;

		if (gos[p->go].serial != b->serial || p->kind != b->kind || p->pc != b->pcs[0])
			continue;
		if (b->nframes != 2 || b->pcs[1] != p->ctx || !b->stack_whole)
			continue;
		if (range ? !overlap(p, addr, b->size) : p->addr != addr || p->size != b->size)
			continue;
		if (overlap(p, now->addr, now->size) && races(p, now))
			return true;
	}
	return false;
}

static void check_reports(const struct past *now)
{
	bool must = false, racing[BYTES] = { false };

	for (size_t i = 0; i < nreports; i++) {
		const struct gd__race *r = &reports[i];

		CHECK_EQ(r->now.addr, (uintptr_t)arena + now->addr);
		CHECK_EQ(r->now.size, now->size);
		CHECK_EQ(r->now.kind, now->kind);
		CHECK_EQ(r->now.serial, gos[now->go].serial);
		CHECK_EQ(r->now.pcs[0], now->pc);
		if (r->before.goid_known && !confirmed(&r->before, now))
			fail_with("a report that the model does not confirm", now, r);
	}
	for (size_t i = 0; i < nhistory; i++) {
		const struct past *p = &history[i];

		if (!overlap(p, now->addr, now->size) || !races(p, now))
			continue;
		for (uint32_t b = now->addr; b < now->addr + now->size; b++) {
			if (b < p->addr || b >= p->addr + p->size)
				continue;
			must |= !dirty[b];
			racing[b] = true;
		}
	}
	if (must && nreports == 0)
		fail_with("a race was not reported", now, NULL);
	for (uint32_t b = 0; b < BYTES; b++)
		dirty[b] |= racing[b];
}

/* ---- operations ---- */

static void go_start(int parent)
{
	struct go *p = parent < 0 ? NULL : &gos[parent], *c = &gos[ngos];

	c->g = gd__gctx_make(p ? p->g : NULL, ngos + 1, 0, 0);
	c->serial = c->g->serial;
	c->caller = 0x700000 + ngos % 7;
	gd__gctx_push(c->g, c->caller);
	if (p) {
		memcpy(c->clock, p->clock, sizeof(c->clock));
		p->clock[parent]++;
	}
	c->clock[ngos] = 1;
	live[nlive++] = ngos++;
}

static void release(struct go *g, uint32_t self, struct object *o, bool merge)
{
	for (uint32_t i = 0; i < GOS; i++) {
		if (!merge || g->clock[i] > o->clock[i])
			o->clock[i] = g->clock[i];
	}
	g->clock[self]++;
	if (merge)
		gd__clock_release_merge(&g->g->clock, &o->value);
	else
		gd__clock_release(&g->g->clock, &o->value);
	gd__gctx_new_interval(g->g);
}

static void acquire(struct go *g, const struct object *o)
{
	for (uint32_t i = 0; i < GOS; i++) {
		if (o->clock[i] > g->clock[i])
			g->clock[i] = o->clock[i];
	}
	gd__clock_acquire(&g->g->clock, &o->value);
}

static void go_end(uint32_t slot, uint32_t joiner)
{
	uint32_t id = live[slot];
	struct object o = { 0 };

	if (joiner != id) {
		release(&gos[id], id, &o, false);
		acquire(&gos[joiner], &o);
		gd__clock_release_value(&o.value);
	}
	gd__gctx_end(gos[id].g);
	live[slot] = live[--nlive];
}

static void do_access(uint32_t id, uint32_t addr, uint32_t size, unsigned kind, unsigned variant)
{
	struct gd__hook_ctx *g = gos[id].g;
	bool within = (addr & 7) + size <= 8 && (size & (size - 1)) == 0;
	struct past now = { .go = id,
			    .time = gos[id].clock[id],
			    .addr = addr,
			    .size = size,
			    .kind = kind,
			    .pc = pc_of(kind, within ? size : 0, variant),
			    .ctx = gos[id].caller };
	uintptr_t a = (uintptr_t)arena + addr;

	nreports = 0;
	if (within && kind == GD__ACCESS_READ)
		gd__access_read_hot(g, a, size, now.pc);
	else if (within && kind == GD__ACCESS_WRITE)
		gd__access_write_hot(g, a, size, now.pc);
	else if (within && !(kind & GD__ACCESS_FREE))
		gd__access_cell_slow(g, a, size, kind, now.pc);
	else
		gd__access(g, a, size, kind, now.pc);
	check_reports(&now);
	if (nhistory < HISTORY)
		history[nhistory++] = now;
}

/* Clears the cells: all of them, so that no access is forgotten in part. */
static void op_reset(void)
{
	gd__shadow_reset((uintptr_t)arena, BYTES);
	forget(0, BYTES);
}

struct mix {
	uint32_t max_live, cells;
	uint32_t sync;                      /* of 100 operations */
	uint32_t atomic, write, wide, free; /* of 100 accesses */
};

static void op_access(const struct mix *m, uint32_t id)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	uint32_t size = sizes[rnd(4)], addr = rnd(m->cells * 8 / size) * size;
	unsigned kind = rnd(100) < m->write ? GD__ACCESS_WRITE : GD__ACCESS_READ;

	if (rnd(100) < m->free) {
		addr = rnd(m->cells) * 8;
		size = 8;
		kind = GD__ACCESS_WRITE | GD__ACCESS_FREE;
	} else if (rnd(100) < m->wide) {
		addr = rnd(m->cells * 8 - 1);
		size = 1 + rnd(m->cells * 8 - addr < 40 ? m->cells * 8 - addr : 40);
		if (rnd(3) == 0 && addr + 16 <= m->cells * 8)
			addr &= ~15u, size = 16;
	} else if (rnd(100) < m->atomic) {
		kind |= GD__ACCESS_ATOMIC;
	}
	do_access(id, addr, size, kind, rnd(3));
}

static void op_sync(uint32_t id)
{
	struct object *o = &objects[rnd(OBJECTS)];

	switch (rnd(8)) {
	case 0:
	case 1:
	case 2:
		acquire(&gos[id], o);
		break;
	case 3:
		release(&gos[id], id, o, false);
		break;
	case 4:
		release(&gos[id], id, o, true);
		break;
	default: /* as a lock does */
		acquire(&gos[id], o);
		release(&gos[id], id, o, false);
	}
}

static void play(const struct mix *m, uint64_t first, uint32_t ops)
{
	seed = first * 0x9e3779b97f4a7c15u + 1;
	gos = calloc(GOS, sizeof(*gos));
	objects = calloc(OBJECTS, sizeof(*objects));
	ngos = nlive = 0;
	op_reset();
	go_start(-1);
	for (uint32_t i = 0; i < ops; i++) {
		uint32_t slot = rnd(nlive), id = live[slot], what = rnd(100);

		if (what < 4 && nlive < m->max_live && ngos < GOS)
			go_start((int)id);
		else if (what < 6 && nlive > m->max_live / 2 && nlive > 1)
			go_end(slot, live[rnd(nlive)]);
		else if (what < 6 + m->sync)
			op_sync(id);
		else
			op_access(m, id);
		if (rnd(200) == 0)
			op_reset();
		if (nhistory > HISTORY - 100)
			op_reset();
	}
	while (nlive > 0)
		go_end(0, live[0]);
	for (uint32_t i = 0; i < OBJECTS; i++)
		gd__clock_release_value(&objects[i].value);
	op_reset();
	free(gos);
	free(objects);
	CHECK_EQ(gd__record_count(), 0);
}

static void play_seeds(const struct mix *m, uint32_t seeds, uint32_t ops)
{
	set_up();
	for (uint32_t s = 1; s <= seeds; s++)
		play(m, s, ops);
}

CASE(model_plain)
{
	play_seeds(&(struct mix){ .max_live = 6, .cells = 4, .sync = 50, .write = 40 }, 60, 4000);
}

CASE(model_mostly_ordered)
{
	play_seeds(&(struct mix){ .max_live = 3, .cells = CELLS, .sync = 75, .write = 50 }, 60,
		   4000);
}

CASE(model_atomic)
{
	play_seeds(
		&(struct mix){ .max_live = 6, .cells = 2, .sync = 40, .write = 40, .atomic = 85 },
		80, 4000);
}

CASE(model_wide_and_unaligned)
{
	play_seeds(&(struct mix){ .max_live = 6,
				  .cells = 8,
				  .sync = 60,
				  .write = 40,
				  .wide = 50,
				  .atomic = 10 },
		   60, 3000);
}

CASE(model_free)
{
	play_seeds(&(struct mix){ .max_live = 6,
				  .cells = CELLS,
				  .sync = 60,
				  .write = 40,
				  .wide = 10,
				  .atomic = 10,
				  .free = 2 },
		   60, 3000);
}

CASE(model_many_readers)
{
	play_seeds(&(struct mix){ .max_live = LIVE_MAX, .cells = 2, .sync = 30, .write = 1 }, 20,
		   8000);
}

CASE(model_many_atomic_writers)
{
	play_seeds(
		&(struct mix){
			.max_live = LIVE_MAX, .cells = 2, .sync = 30, .write = 60, .atomic = 99 },
		20, 8000);
}

/* ---- single facts ---- */

static struct gd__hook_ctx *ga, *gb;

static void two_goroutines(void)
{
	set_up();
	ga = gd__gctx_make(NULL, 1, 0, 0);
	gb = gd__gctx_make(NULL, 2, 0, 0);
	nreports = 0;
}

#define AT(i) ((uintptr_t)arena + (i))

CASE(disjoint_bytes_are_silent)
{
	two_goroutines();
	for (unsigned i = 0; i < 8; i++)
		gd__access_write_hot(i % 2 ? ga : gb, AT(i), 1, 0x1000 + i);
	CHECK_EQ(nreports, 0);
	gd__access_write_hot(ga, AT(2), 1, 0x2000);
	CHECK_EQ(nreports, 1);
	CHECK_EQ(reports[0].before.pcs[0], 0x1002);
	CHECK_EQ(reports[0].before.addr, AT(2));
	CHECK_EQ(reports[0].before.size, 1);
}

CASE(plain_after_atomic_in_one_interval_is_plain)
{
	two_goroutines();
	gd__access_cell_slow(ga, AT(0), 4, GD__ACCESS_WRITE | GD__ACCESS_ATOMIC, 0x1000);
	gd__access_cell_slow(gb, AT(0), 4, GD__ACCESS_WRITE | GD__ACCESS_ATOMIC, 0x2000);
	CHECK_EQ(nreports, 0);
	gd__shadow_reset(AT(0), 8);
	gd__access_cell_slow(ga, AT(0), 4, GD__ACCESS_WRITE | GD__ACCESS_ATOMIC, 0x1000);
	gd__access_write_hot(ga, AT(0), 4, 0x1010);
	gd__access_cell_slow(gb, AT(0), 4, GD__ACCESS_WRITE | GD__ACCESS_ATOMIC, 0x2000);
	CHECK_EQ(nreports, 1);
	CHECK_EQ(reports[0].before.kind, GD__ACCESS_WRITE);
	CHECK_EQ(reports[0].before.pcs[0], 0x1010);
}

CASE(use_after_free_by_the_same_goroutine)
{
	two_goroutines();
	gd__access_write_hot(ga, AT(0), 8, 0x1000);
	gd__access(ga, AT(0), 64, GD__ACCESS_WRITE | GD__ACCESS_FREE, 0x1010);
	CHECK_EQ(nreports, 0);
	gd__access_read_hot(ga, AT(4), 4, 0x1020);
	CHECK_EQ(nreports, 1);
	CHECK_EQ(reports[0].before.kind, GD__ACCESS_WRITE | GD__ACCESS_FREE);
	CHECK_EQ(reports[0].before.pcs[0], 0x1010);
	gd__shadow_reset(AT(0), 64);
	gd__access_write_hot(gb, AT(4), 4, 0x2010);
	CHECK_EQ(nreports, 1);
}

CASE(reset_of_part_of_a_cell)
{
	two_goroutines();
	gd__access_write_hot(ga, AT(0), 8, 0x1000);
	gd__shadow_reset(AT(0), 4);
	gd__access_write_hot(gb, AT(0), 4, 0x2000);
	CHECK_EQ(nreports, 0);
	gd__access_write_hot(gb, AT(4), 4, 0x2000);
	CHECK_EQ(nreports, 1);
}

/* Large ranges are given back by pages; records in them are not lost. */
CASE(reset_of_a_large_range)
{
	enum { BIG = 1 << 20 };
	char *p = aligned_alloc(4096, BIG);
	uintptr_t a = (uintptr_t)p + 24;

	two_goroutines();
	for (size_t i = 0; i + 64 < BIG; i += 4096) {
		gd__access_write_hot(ga, a + i, 1, 0x1000);
		gd__access_write_hot(gb, a + i + 1, 1, 0x2000);
	}
	CHECK(gd__record_count() > 0);
	gd__shadow_reset(a, BIG - 64);
	CHECK_EQ(gd__record_count(), 0);
	for (size_t i = 0; i + 64 < BIG; i += 4096)
		gd__access_write_hot(gb, a + i, 8, 0x2010);
	CHECK_EQ(nreports, 0);
	free(p);
}

/* A thousand unordered readers, then a write that comes after all but one of them. */
CASE(one_of_many_readers)
{
	enum { READERS = 1000 };
	static struct gd__hook_ctx *r[READERS];
	struct gd__clock o = { 0 };

	two_goroutines();
	for (int i = 0; i < READERS; i++) {
		r[i] = gd__gctx_make(NULL, (uint64_t)i + 10, 0, 0);
		gd__access_read_hot(r[i], AT(0), 8, 0x1000);
	}
	for (int i = 0; i < READERS; i++) {
		if (i == 500)
			continue;
		gd__clock_release_merge(&r[i]->clock, &o);
		gd__gctx_new_interval(r[i]);
	}
	gd__clock_acquire(&ga->clock, &o);
	gd__access_write_hot(ga, AT(0), 8, 0x2000);
	CHECK_EQ(nreports, 1);
	CHECK_EQ(reports[0].before.goid, 510);
	CHECK_EQ(gd__record_count(), 0);
}

/* A table read by the same goroutines: a handful of sets, no records. */
CASE(shared_table_needs_no_records)
{
	enum { WORDS = 1 << 16 };
	static int64_t table[WORDS];

	two_goroutines();
	uint32_t before = gd__factset_count();

	for (int i = 0; i < WORDS; i++)
		gd__access_read_hot(ga, (uintptr_t)&table[i], 8, 0x1000);
	for (int i = 0; i < WORDS; i++)
		gd__access_read_hot(gb, (uintptr_t)&table[i], 8, 0x2000);
	CHECK(gd__factset_count() - before <= 2);
	CHECK_EQ(gd__record_count(), 0);
	/* Seen again: a hit, whichever of the two. */
	for (int i = 0; i < WORDS; i++)
		gd__access_read_hot(ga, (uintptr_t)&table[i], 8, 0x1000);
	CHECK_EQ(gd__record_count(), 0);
	gd__access_write_hot(gb, (uintptr_t)&table[77], 8, 0x2010);
	CHECK_EQ(nreports, 1);
	CHECK_EQ(reports[0].before.goid, 1);
}

/* A step that leads to a set is remembered, but not for other bytes. */
CASE(sets_of_other_bytes_are_others)
{
	struct gd__clock o = { 0 };

	two_goroutines();
	struct gd__hook_ctx *gc = gd__gctx_make(NULL, 3, 0, 0);

	for (unsigned i = 0; i < 4; i++)
		gd__access_read_hot(ga, AT(i * 8), 8, 0x1000);
	for (unsigned i = 0; i < 4; i++)
		gd__access_read_hot(gb, AT(i * 8 + 4 + i), 1, 0x2000);
	gd__clock_release(&ga->clock, &o);
	gd__clock_acquire(&gc->clock, &o);
	for (unsigned i = 0; i < 4; i++) {
		gd__access_write_hot(gc, AT(i * 8 + 4 + i), 1, 0x3000);
		CHECK_EQ(nreports, i + 1);
		CHECK_EQ(reports[i].before.goid, 2);
	}
	gd__access_write_hot(gc, AT(6), 1, 0x3000);
	CHECK_EQ(nreports, 4);
}

/* A hot word that two goroutines read in ever new intervals does not fill memory with sets. */
CASE(hot_word_needs_few_sets)
{
	struct gd__clock o = { 0 };

	two_goroutines();
	uint32_t before = gd__factset_count();

	for (int i = 0; i < 20000; i++) {
		struct gd__hook_ctx *g = i % 2 ? ga : gb;

		gd__access_read_hot(g, AT(0), 8, 0x1000);
		gd__clock_release(&g->clock, &o);
		gd__gctx_new_interval(g);
	}
	CHECK(gd__factset_count() - before < 1000);
	CHECK(gd__record_count() <= 1);
	CHECK_EQ(nreports, 0);
}

CASE(many_contexts_of_one_place)
{
	two_goroutines();
	gd__gctx_push(ga, 0x5000);
	for (uintptr_t i = 0; i < 3000; i++) {
		gd__gctx_push(ga, 0x6000 + i * 8);
		gd__access_write_hot(ga, AT(0), 8, 0x1000);
		gd__access_write_hot(ga, AT(8), 8, 0x1000);
		gd__shadow_reset(AT(0), 8);
		gd__access_write_hot(ga, AT(0), 8, 0x1000);
		gd__gctx_pop(ga);
	}
	CHECK(gd__site_count() <= GD__SITE_CONTEXTS + GD__SITE_PARTIAL + 8);
	gd__access_write_hot(gb, AT(0), 8, 0x2000);
	CHECK_EQ(nreports, 1);
	CHECK_EQ(reports[0].before.pcs[0], 0x1000);
	CHECK_EQ(reports[0].before.nframes, 1);
	CHECK(!reports[0].before.stack_whole);
	gd__access_write_hot(gb, AT(8), 8, 0x2000);
	CHECK_EQ(nreports, 2);
	CHECK_EQ(reports[1].before.nframes, 3);
	CHECK_EQ(reports[1].before.pcs[1], 0x6000);
	CHECK_EQ(reports[1].before.pcs[2], 0x5000);
	CHECK(reports[1].before.stack_whole);
}

CASE(deep_call_stacks_grow_and_return)
{
	two_goroutines();
	for (uintptr_t i = 0; i < 100000; i++)
		gd__gctx_push(ga, 0x5000 + i);
	gd__access_write_hot(ga, AT(0), 8, 0x1000);
	for (uintptr_t i = 0; i < 100000 - 3; i++)
		gd__gctx_pop(ga);
	uintptr_t pcs[8];

	CHECK_EQ(gd__gctx_stack(ga, 0x1000, pcs, 8), 4);
	CHECK_EQ(pcs[1], 0x5002);
	CHECK_EQ(pcs[3], 0x5000);
	for (int i = 0; i < 10; i++)
		gd__gctx_pop(ga);
	CHECK_EQ(gd__gctx_stack(ga, 0, pcs, 8), 0);
}

/* No id is given out twice: at the end the detector goes silent. */
CASE(out_of_interval_ids)
{
	struct gd__clock o = { 0 };

	two_goroutines();
	gd__access_write_hot(ga, AT(0), 8, 0x1000);
	gd__interval_skip_to(GD__BLOCKS - 2);
	for (int i = 0; i < 64 * 4; i++) {
		gd__clock_release(&ga->clock, &o);
		gd__gctx_new_interval(ga);
		gd__access_write_hot(ga, AT(8), 8, 0x1000);
	}
	CHECK(gd__load_relaxed(&gd__race_off));
	gd__access_write_hot(gb, AT(0), 8, 0x2000);
	CHECK_EQ(nreports, 0);
}

/* Locks that the earlier access held are named, and only by the access that held them. */
CASE(locks_of_the_earlier_access)
{
	two_goroutines();
	gd__access_write_hot(ga, AT(0), 1, 0x1000);
	gd__gctx_lock(ga, 0xabc0, 0, true);
	gd__gctx_lock(ga, 0xdef0, 0, false);
	gd__access_write_hot(ga, AT(1), 1, 0x1010);
	gd__access(ga, AT(8), 64, GD__ACCESS_WRITE, 0x1020);
	gd__gctx_unlock(ga, 0xabc0, true);
	gd__access_write_hot(gb, AT(0), 1, 0x2000);
	gd__access_write_hot(gb, AT(1), 1, 0x2000);
	gd__access_write_hot(gb, AT(64), 1, 0x2000);
	CHECK_EQ(nreports, 3);
	CHECK_EQ(reports[0].before.nheld, 0);
	CHECK_EQ(reports[1].before.nheld, 2);
	CHECK_EQ(reports[1].before.held[0].lock, 0xabc0);
	CHECK(reports[1].before.held[0].write);
	CHECK_EQ(reports[1].before.held[1].lock, 0xdef0);
	CHECK(!reports[1].before.held[1].write);
	CHECK_EQ(reports[2].before.nheld, 2);
}

CASE(ignored_accesses_leave_no_trace)
{
	two_goroutines();
	ga->ignore++;
	gd__access_write_hot(ga, AT(0), 8, 0x1000);
	gd__access(ga, AT(0), 64, GD__ACCESS_WRITE, 0x1000);
	ga->ignore--;
	gd__access_write_hot(gb, AT(0), 8, 0x2000);
	CHECK_EQ(nreports, 0);
}

UNIT_MAIN
