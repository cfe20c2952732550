/*
 * clock_model.h - the clock beside a plain one: dense arrays, an id of its own for every goroutine.
 *
 * Both see the same random events: locks, channel slots, merged objects, joined
 * values, spawns, ends. Because both epochs rise at the same events, epoch d of
 * goroutine u is epoch start(u) + d - 1 of its chain, and every question can be
 * put to both. Single-threaded; the caller locks what threads share.
 */
#ifndef GD_TESTS_UNIT_RACE_CLOCK_MODEL_H
#define GD_TESTS_UNIT_RACE_CLOCK_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detector/race/chain.h"
#include "detector/race/clock.h"
#include "runtime/base/atomic.h"

/* One goroutine slot. dense has an entry per goroutine that ever was, by its number. */
struct model_g {
	struct gd__clock clock;
	gd__epoch *dense;
	uint32_t u; /* number */
	bool live;
	bool accessed;
};

struct model_obj {
	struct gd__clock value;
	gd__epoch *dense;
};

struct model {
	uint32_t max; /* goroutines that may ever be */
	_Atomic uint32_t made;
	gd__chain *chain; /* by number */
	gd__epoch *start;
};

/* An access: goroutine u at its epoch d, and the same in chains. */
struct model_access {
	uint32_t u;
	gd__epoch d;
	gd__chain chain;
	gd__epoch epoch;
};

struct model_rng {
	uint64_t s;
};

static inline uint32_t model_rand(struct model_rng *r, uint32_t n)
{
	r->s ^= r->s << 13;
	r->s ^= r->s >> 7;
	r->s ^= r->s << 17;
	return (uint32_t)((r->s >> 16) % n);
}

static inline void model_init(struct model *m, uint32_t max)
{
	memset(m, 0, sizeof(*m));
	m->max = max;
	m->chain = calloc(max, sizeof(*m->chain));
	m->start = calloc(max, sizeof(*m->start));
}

static inline void model_release(struct model *m)
{
	free(m->chain);
	free(m->start);
}

static inline gd__epoch *model_dense(const struct model *m)
{
	return calloc(m->max, sizeof(gd__epoch));
}

/* Numbers made so far: dense entries above are zero. */
static inline uint32_t model_used(struct model *m)
{
	return gd__load_seq_cst(&m->made);
}

static inline void dense_max(struct model *m, gd__epoch *to, const gd__epoch *from)
{
	for (uint32_t i = 0, n = model_used(m); i < n; i++)
		to[i] = to[i] > from[i] ? to[i] : from[i];
}

static inline void dense_copy(struct model *m, gd__epoch *to, const gd__epoch *from)
{
	memcpy(to, from, model_used(m) * sizeof(*to));
}

/* g, whose slot is free, becomes a child of parent or, with NULL, nobody's. false: no number left.
 */
static inline bool model_start(struct model *m, struct model_g *parent, struct model_g *g)
{
	uint32_t u = gd__add_seq_cst(&m->made, 1);

	if (u >= m->max) {
		gd__add_seq_cst(&m->made, -1u);
		return false;
	}
	memset(g->dense, 0, m->max * sizeof(*g->dense));
	if (parent != NULL) {
		dense_copy(m, g->dense, parent->dense);
		gd__clock_spawn(&parent->clock, &g->clock);
		parent->dense[parent->u]++;
		parent->accessed = false;
	} else {
		gd__clock_init(&g->clock);
	}
	g->dense[u] = 1;
	g->u = u;
	g->live = true;
	g->accessed = false;
	m->chain[u] = g->clock.owner;
	m->start[u] = g->clock.epoch;
	return true;
}

static inline void model_end(struct model_g *g)
{
	gd__clock_end(&g->clock, g->accessed);
	g->live = false;
}

static inline void model_acquire(struct model *m, struct model_g *g, struct model_obj *o)
{
	gd__clock_acquire(&g->clock, &o->value);
	dense_max(m, g->dense, o->dense);
}

static inline void model_rise(struct model_g *g)
{
	g->dense[g->u]++;
	g->accessed = false;
}

static inline void model_publish(struct model *m, struct model_g *g, struct model_obj *o)
{
	gd__clock_release(&g->clock, &o->value);
	dense_copy(m, o->dense, g->dense);
	model_rise(g);
}

static inline void model_merge(struct model *m, struct model_g *g, struct model_obj *o)
{
	gd__clock_release_merge(&g->clock, &o->value);
	dense_max(m, o->dense, g->dense);
	model_rise(g);
}

static inline void model_swap(struct model *m, struct model_g *g, struct model_obj *o)
{
	gd__epoch *before = model_dense(m);

	dense_copy(m, before, o->dense);
	gd__clock_swap(&g->clock, &o->value);
	dense_copy(m, o->dense, g->dense);
	model_rise(g);
	dense_max(m, g->dense, before);
	free(before);
}

static inline void model_join_value(struct model *m, struct model_obj *into,
				    const struct model_obj *from)
{
	gd__clock_join_value(&into->value, &from->value);
	dense_max(m, into->dense, from->dense);
}

static inline struct model_access model_touch(struct model_g *g)
{
	g->accessed = true;
	return (struct model_access){ g->u, g->dense[g->u], g->clock.owner, g->clock.epoch };
}

/* Both clocks of g say the same of a. */
static inline bool model_agree(const struct model_g *g, const struct model_access *a)
{
	return gd__clock_knows(&g->clock, a->chain, a->epoch) == (g->dense[a->u] >= a->d);
}

/*
 * The whole clock of g: what it knows of every goroutine that ever was is known,
 * and the next release of it is not. final(u) >= last release of u.
 */
static inline bool model_same(struct model *m, const struct model_g *g, const gd__epoch *released)
{
	for (uint32_t u = 0, n = model_used(m); u < n; u++) {
		gd__epoch d = g->dense[u];

		if (u == g->u)
			continue;
		if (d > 0 && !gd__clock_knows(&g->clock, m->chain[u], m->start[u] + d - 1))
			return false;
		if (d < released[u] && gd__clock_knows(&g->clock, m->chain[u], m->start[u] + d))
			return false;
	}
	return true;
}

/* ---- one random run ---- */

struct model_size {
	uint32_t live, objects, ops;
	uint32_t spawn_percent; /* of events, as many ends */
};

struct model_found {
	uint64_t wrong;  /* answers that differ */
	uint64_t denied; /* of these: known, but the clock says it is not: a false race */
	uint64_t lookups;
	uint32_t spawned, ids;
	uint64_t bytes_left;
};

struct model_run {
	struct model m;
	struct model_rng rng;
	struct model_g *g;
	struct model_obj *o;
	gd__epoch *released; /* by number: its last release */
	struct model_access seen[512];
	uint32_t nseen;
	const struct model_size *size;
	struct model_found found;
};

static inline struct model_g *run_pick_live(struct model_run *r)
{
	for (;;) {
		struct model_g *g = &r->g[model_rand(&r->rng, r->size->live)];

		if (g->live)
			return g;
	}
}

static inline void run_ask(struct model_run *r, struct model_g *g)
{
	for (int i = 0; i < 4; i++) {
		const struct model_access *a = &r->seen[model_rand(&r->rng, 512)];

		if (a->chain == 0)
			continue;
		r->found.wrong += !model_agree(g, a);
		r->found.denied += !model_agree(g, a) && g->dense[a->u] >= a->d;
		r->found.lookups++;
	}
}

static inline void run_event(struct model_run *r, struct model_g *g)
{
	struct model_obj *o = &r->o[model_rand(&r->rng, r->size->objects)];

	switch (model_rand(&r->rng, 12)) {
	case 0:
	case 1:
	case 2: /* a critical section */
		model_acquire(&r->m, g, o);
		if (model_rand(&r->rng, 2))
			r->seen[r->nseen++ % 512] = model_touch(g);
		model_publish(&r->m, g, o);
		break;
	case 3:
		model_acquire(&r->m, g, o);
		break;
	case 4:
		model_publish(&r->m, g, o);
		break;
	case 5:
		model_swap(&r->m, g, o);
		break;
	case 6:
	case 7:
		model_merge(&r->m, g, o);
		break;
	case 8:
		if (model_rand(&r->rng, 8) == 0)
			model_join_value(&r->m, o, &r->o[model_rand(&r->rng, r->size->objects)]);
		break;
	default:
		r->seen[r->nseen++ % 512] = model_touch(g);
	}
	r->released[g->u] = g->dense[g->u] - 1;
}

/* A goroutine ends, half of them with a last release, and a slot is filled again. */
static inline void run_turnover(struct model_run *r)
{
	struct model_g *g = &r->g[model_rand(&r->rng, r->size->live)];

	if (!g->live) {
		struct model_g *parent = run_pick_live(r);

		if (model_rand(&r->rng, 50) == 0)
			parent = NULL;
		if (model_start(&r->m, parent, g) && parent != NULL)
			r->released[parent->u] = parent->dense[parent->u] - 1;
		return;
	}
	if (g == &r->g[0])
		return; /* main */
	if (model_rand(&r->rng, 4) != 0) {
		struct model_obj *o = &r->o[model_rand(&r->rng, r->size->objects)];

		if (model_rand(&r->rng, 2))
			model_merge(&r->m, g, o);
		else
			model_publish(&r->m, g, o);
		r->released[g->u] = g->dense[g->u] - 1;
		if (model_rand(&r->rng, 2)) /* joined */
			model_acquire(&r->m, run_pick_live(r), o);
	}
	model_end(g);
}

static inline void run_make(struct model_run *r, const struct model_size *size, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->rng.s = seed * 0x9e3779b97f4a7c15u + 1;
	model_init(&r->m, size->live + size->ops * size->spawn_percent / 100 + 1);
	r->released = model_dense(&r->m);
	r->g = calloc(size->live, sizeof(*r->g));
	r->o = calloc(size->objects, sizeof(*r->o));
	for (uint32_t i = 0; i < size->live; i++)
		r->g[i].dense = model_dense(&r->m);
	for (uint32_t i = 0; i < size->objects; i++)
		r->o[i].dense = model_dense(&r->m);
}

static inline void run_free(struct model_run *r)
{
	for (uint32_t i = 0; i < r->size->live; i++) {
		if (r->g[i].live)
			model_end(&r->g[i]);
		free(r->g[i].dense);
	}
	for (uint32_t i = 0; i < r->size->objects; i++) {
		gd__clock_release_value(&r->o[i].value);
		free(r->o[i].dense);
	}
	free(r->released);
	free(r->g);
	free(r->o);
	model_release(&r->m);
}

/* check: also throw when a clock's own invariants break. */
static inline struct model_found model_random_run(const struct model_size *size, uint64_t seed,
						  bool check)
{
	static struct model_run r;
	uint32_t ids = gd__clock_ids();
	uint64_t bytes = gd__clock_bytes();

	run_make(&r, size, seed);
	model_start(&r.m, NULL, &r.g[0]);
	for (uint32_t i = 1; i < size->live / 2; i++) { /* a tree: its paths lie in deltas */
		model_start(&r.m, &r.g[i / 2], &r.g[i]);
		r.released[r.g[i / 2].u] = r.g[i / 2].dense[r.g[i / 2].u] - 1;
	}
	for (uint32_t i = 0; i < size->ops; i++) {
		struct model_g *g = run_pick_live(&r);

		if (model_rand(&r.rng, 100) < size->spawn_percent)
			run_turnover(&r);
		else
			run_event(&r, g);
		if (!g->live)
			continue;
		run_ask(&r, g);
		if (check)
			gd__clock_check(&g->clock);
		if (i % 512 == 0)
			r.found.wrong += !model_same(&r.m, g, r.released);
	}
	r.found.spawned = model_used(&r.m);
	run_free(&r);
	r.found.ids = gd__clock_ids() - ids;
	r.found.bytes_left = gd__clock_bytes() - bytes;
	return r.found;
}

#endif
