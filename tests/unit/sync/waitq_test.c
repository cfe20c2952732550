/* link: gdetect */
/* waitq_test.c - order of the queue, and who may take whom. */
#include "runtime/sync/waitq.h"

#include "tests/support/unit.h"

enum { N = 4 };

static struct gd__g g[N];
static struct gd__waiter w[N];
static struct gd__waitq q;

static void fill(bool raced)
{
	for (int i = 0; i < N; i++) {
		w[i].g = &g[i];
		w[i].raced = raced;
		gd__waitq_push(&q, &w[i]);
	}
	gd__waitq_check(&q);
}

CASE(first_in_first_out)
{
	struct gd__waiter front = { .g = &g[0] };

	CHECK(gd__waitq_empty(&q));
	CHECK(gd__waitq_take(&q) == NULL);
	fill(false);
	gd__waitq_push_front(&q, &front);
	gd__waitq_check(&q);
	CHECK(gd__waitq_take(&q) == &front);
	for (int i = 0; i < N; i++)
		CHECK(gd__waitq_take(&q) == &w[i]);
	CHECK(gd__waitq_empty(&q));
	gd__waitq_push_front(&q, &front);
	gd__waitq_check(&q);
	CHECK(gd__waitq_take(&q) == &front);
}

CASE(remove_from_anywhere)
{
	fill(false);
	gd__waitq_remove(&q, &w[1]);
	gd__waitq_check(&q);
	gd__waitq_remove(&q, &w[0]);
	gd__waitq_check(&q);
	gd__waitq_remove(&q, &w[3]);
	gd__waitq_check(&q);
	CHECK(gd__waitq_take(&q) == &w[2]);
	gd__waitq_check(&q);
	CHECK(gd__waitq_empty(&q));
}

/* Who lost a waiter leaves it on the queue: only its owner takes it off. */
CASE(a_waiter_won_elsewhere_stays)
{
	fill(true);
	g[0].select_done = g[2].select_done = 1;
	CHECK(gd__waitq_take(&q) == &w[1]);
	CHECK_EQ(g[1].select_done, 1);
	CHECK(gd__waitq_has_live(&q));
	CHECK(gd__waitq_take(&q) == &w[3]);
	CHECK(gd__waitq_take(&q) == NULL);
	CHECK(!gd__waitq_has_live(&q));
	CHECK(!gd__waitq_empty(&q));
	gd__waitq_remove(&q, &w[0]);
	gd__waitq_remove(&q, &w[2]);
	CHECK(gd__waitq_empty(&q));
}

CASE(serve_leaves_word)
{
	w[0].g = &g[0];
	CHECK(gd__waiter_serve(&w[0], true) == &g[0]);
	CHECK(g[0].wake_ok);
	CHECK(g[0].wake_waiter == &w[0]);
}

UNIT_MAIN
