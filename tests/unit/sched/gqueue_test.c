/* link: gdetect */
/* gqueue_test.c - the unbounded queue against a plain array, over its growth and wrap-around. */
#include "runtime/sched/gqueue.h"

#include <stdint.h>
#include <string.h>

#include "tests/support/unit.h"

#define MAX 4096u

static struct gd__g *token(uint64_t i)
{
	return (struct gd__g *)(uintptr_t)(i * 64 + 64);
}

/* The same elements in the same order in an array that is moved on every take. */
static struct gd__g *model[MAX];
static uint32_t n;

static uint32_t rnd(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

static void put(struct gd__gqueue *q, uint32_t count, uint64_t *next)
{
	struct gd__g *some[200];

	for (uint32_t i = 0; i < count; i++)
		some[i] = model[n + i] = token((*next)++);
	gd__gqueue_put_all(q, some, count);
	n += count;
}

static void take(struct gd__gqueue *q, uint32_t count, bool first)
{
	struct gd__g *some[200];
	struct gd__g **expected = first ? model : model + n - count;

	if (first)
		gd__gqueue_take_first(q, some, count);
	else
		gd__gqueue_take_last(q, some, count);
	CHECK(memcmp(some, expected, count * sizeof(some[0])) == 0);
	n -= count;
	if (first)
		memmove(model, model + count, n * sizeof(model[0]));
}

CASE(agrees_with_a_model)
{
	for (uint32_t seed = 1; seed <= 20; seed++) {
		struct gd__gqueue q = { 0 };
		uint32_t state = seed;
		uint64_t next = 0;

		n = 0;
		CHECK(gd__gqueue_init(&q, MAX));
		for (int step = 0; step < 3000; step++) {
			uint32_t count = rnd(&state, 200);

			if (rnd(&state, 100) < 55)
				put(&q, count < MAX - n ? count : MAX - n, &next);
			else
				take(&q, count < n ? count : n, rnd(&state, 3) > 0);
			CHECK_EQ(q.n, n);
			CHECK(q.n <= q.cap && q.cap <= MAX);
		}
		while (n > 0)
			take(&q, n < 100 ? n : 100, true);
	}
}

CASE(full_to_the_last)
{
	struct gd__gqueue q = { 0 };
	struct gd__g *g;

	CHECK(gd__gqueue_init(&q, 1024));
	for (uint64_t i = 0; i < 1024; i++)
		gd__gqueue_put(&q, token(i));
	CHECK_EQ(q.cap, 1024);
	for (uint64_t i = 0; i < 1024; i++) {
		gd__gqueue_take_first(&q, &g, 1);
		CHECK(g == token(i));
	}
	CHECK_EQ(q.n, 0);
}

UNIT_MAIN
