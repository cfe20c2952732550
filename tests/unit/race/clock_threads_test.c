/* link: gdetect */
/*
 * clock_threads_test.c - goroutines that migrate between threads, against the dense clock.
 *
 * Each thread takes a random goroutine and a random object, under their locks,
 * and does with both clocks what the single-threaded test does. Run it under
 * -fsanitize=thread as well: it is an ordinary program of threads.
 */
#include <pthread.h>

#include "tests/support/unit.h"
#include "tests/unit/race/clock_model.h"
#include "tests/unit/race/clock_sources.h"

#define SEEN 256

struct locked_g {
	pthread_mutex_t lock;
	struct model_g g;
};

struct locked_obj {
	pthread_mutex_t lock;
	struct model_obj o;
};

struct world {
	struct model m;
	uint32_t live, objects, ops;
	struct locked_g *g;
	struct locked_obj *o;
};

struct worker {
	pthread_t thread;
	struct world *w;
	struct model_rng rng;
	struct model_access seen[SEEN];
	uint32_t nseen;
	uint64_t wrong, lookups;
};

static void on_object(struct worker *k, struct model_g *g)
{
	struct world *w = k->w;
	struct locked_obj *o = &w->o[model_rand(&k->rng, w->objects)];

	pthread_mutex_lock(&o->lock);
	switch (model_rand(&k->rng, 6)) {
	case 0:
	case 1:
		model_acquire(&w->m, g, &o->o);
		k->seen[k->nseen++ % SEEN] = model_touch(g);
		model_publish(&w->m, g, &o->o);
		break;
	case 2:
		model_acquire(&w->m, g, &o->o);
		break;
	case 3:
		model_merge(&w->m, g, &o->o);
		break;
	case 4:
		model_swap(&w->m, g, &o->o);
		break;
	default:
		model_publish(&w->m, g, &o->o);
	}
	pthread_mutex_unlock(&o->lock);
}

static void ask(struct worker *k, const struct model_g *g)
{
	for (int i = 0; i < 4; i++) {
		const struct model_access *a = &k->seen[model_rand(&k->rng, SEEN)];

		if (a->chain == 0)
			continue;
		k->wrong += !model_agree(g, a);
		k->lookups++;
	}
}

/* Fills a free slot with a child of g, or ends the goroutine of a slot. g is locked. */
static void turnover(struct worker *k, struct locked_g *self)
{
	struct world *w = k->w;
	struct locked_g *other = &w->g[model_rand(&k->rng, w->live)];

	if (other == self || pthread_mutex_trylock(&other->lock) != 0)
		return;
	if (!other->g.live) {
		model_start(&w->m, &self->g, &other->g);
	} else if (other != &w->g[0]) {
		on_object(k, &other->g);
		model_end(&other->g);
	}
	pthread_mutex_unlock(&other->lock);
}

static void *work(void *arg)
{
	struct worker *k = arg;
	struct world *w = k->w;

	for (uint32_t i = 0; i < w->ops; i++) {
		struct locked_g *g = &w->g[model_rand(&k->rng, w->live)];

		if (pthread_mutex_trylock(&g->lock) != 0)
			continue;
		if (g->g.live) {
			on_object(k, &g->g);
			ask(k, &g->g);
			gd__clock_check(&g->g.clock);
			if (model_rand(&k->rng, 20) == 0)
				turnover(k, g);
		}
		pthread_mutex_unlock(&g->lock);
	}
	return NULL;
}

static void world_make(struct world *w)
{
	model_init(&w->m, 2000);
	w->g = calloc(w->live, sizeof(*w->g));
	w->o = calloc(w->objects, sizeof(*w->o));
	for (uint32_t i = 0; i < w->live; i++) {
		pthread_mutex_init(&w->g[i].lock, NULL);
		w->g[i].g.dense = model_dense(&w->m);
	}
	for (uint32_t i = 0; i < w->objects; i++) {
		pthread_mutex_init(&w->o[i].lock, NULL);
		w->o[i].o.dense = model_dense(&w->m);
	}
	CHECK(model_start(&w->m, NULL, &w->g[0].g));
	for (uint32_t i = 1; i < w->live; i++)
		CHECK(model_start(&w->m, &w->g[i / 2].g, &w->g[i].g));
}

static void world_free(struct world *w)
{
	for (uint32_t i = 0; i < w->live; i++) {
		if (w->g[i].g.live)
			model_end(&w->g[i].g);
		free(w->g[i].g.dense);
	}
	for (uint32_t i = 0; i < w->objects; i++) {
		gd__clock_release_value(&w->o[i].o.value);
		free(w->o[i].o.dense);
	}
	free(w->g);
	free(w->o);
	model_release(&w->m);
}

static void stress(uint32_t threads, uint32_t live, uint32_t objects, uint32_t ops)
{
	struct world w = { .live = live, .objects = objects, .ops = ops };
	struct worker k[8] = { 0 };
	uint64_t wrong = 0, lookups = 0;

	world_make(&w);
	for (uint32_t i = 0; i < threads; i++) {
		k[i].w = &w;
		k[i].rng.s = 77 + i;
		CHECK_EQ(pthread_create(&k[i].thread, NULL, work, &k[i]), 0);
	}
	for (uint32_t i = 0; i < threads; i++) {
		pthread_join(k[i].thread, NULL);
		wrong += k[i].wrong;
		lookups += k[i].lookups;
	}
	printf("%u threads: %llu lookups, %u goroutines, %u ids\n", threads,
	       (unsigned long long)lookups, model_used(&w.m), gd__clock_ids());
	world_free(&w);
	CHECK_EQ(wrong, 0);
	CHECK(lookups > ops);
	CHECK_EQ(gd__clock_bytes(), 0);
}

CASE(two_threads_few_goroutines)
{
	stress(2, 10, 4, 40000);
}

CASE(two_threads_many_goroutines)
{
	stress(2, 500, 50, 40000);
}

CASE(four_threads_few_goroutines)
{
	stress(4, 16, 4, 30000);
}

CASE(four_threads_many_goroutines)
{
	stress(4, 800, 30, 20000);
}

UNIT_MAIN
