/* link: gdetect */
/* runq_test.c - the ring of a P: order, bounds, thieves; and the state machine of goroutines. */
#include "runtime/sched/runq.h"

#include <pthread.h>

#include "runtime/base/atomic.h"
#include "runtime/sched/g.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static struct gd__runq q;
static struct gd__g gs[100000];

CASE(queue_is_fifo_and_bounded)
{
	for (uint32_t i = 0; i < GD__RUNQ_CAP; i++)
		CHECK(gd__runq_put(&q, &gs[i]));
	CHECK(!gd__runq_put(&q, &gs[GD__RUNQ_CAP]));
	for (uint32_t i = 0; i < GD__RUNQ_CAP; i++)
		CHECK_EQ(gd__runq_get(&q), &gs[i]);
	CHECK(gd__runq_get(&q) == NULL);
}

CASE(counters_wrap)
{
	gd__store_relaxed(&q.head, UINT32_MAX - 2);
	gd__store_relaxed(&q.tail, UINT32_MAX - 2);
	for (uint32_t i = 0; i < 10; i++)
		CHECK(gd__runq_put(&q, &gs[i]));
	CHECK_EQ(gd__runq_len(&q), 10);
	for (uint32_t i = 0; i < 10; i++)
		CHECK_EQ(gd__runq_get(&q), &gs[i]);
}

CASE(grab_takes_the_older_half)
{
	struct gd__g *batch[GD__RUNQ_CAP / 2];

	for (uint32_t i = 0; i < 7; i++)
		CHECK(gd__runq_put(&q, &gs[i]));
	CHECK_EQ(gd__runq_grab(&q, batch), 4);
	for (uint32_t i = 0; i < 4; i++)
		CHECK_EQ(batch[i], &gs[i]);
	CHECK_EQ(gd__runq_len(&q), 3);
}

static _Atomic uint32_t taken, stop;

static void count(struct gd__g *g)
{
	CHECK_EQ(gd__add_relaxed(&g->seq, 1), 0); /* nobody else got it; joined later */
	gd__add_relaxed(&taken, 1);
}

static void *thief(void *arg)
{
	struct gd__g *batch[GD__RUNQ_CAP / 2];

	(void)arg;
	while (!gd__load_relaxed(&stop)) { /* polled */
		uint32_t n = gd__runq_grab(&q, batch);

		for (uint32_t i = 0; i < n; i++)
			count(batch[i]);
	}
	return NULL;
}

CASE(thieves_lose_and_double_nothing)
{
	pthread_t t[2];
	struct gd__g *g;

	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, thief, NULL), 0);
	for (uint32_t i = 0; i < 100000; i++) {
		while (!gd__runq_put(&q, &gs[i]))
			if ((g = gd__runq_get(&q)) != NULL)
				count(g);
		if (i % 3 == 0 && (g = gd__runq_get(&q)) != NULL)
			count(g);
	}
	while ((g = gd__runq_get(&q)) != NULL)
		count(g);
	while (gd__load_relaxed(&taken) < 100000) /* the thieves are still counting */
		;
	gd__store_relaxed(&stop, 1); /* polled */
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(taken, 100000);
}

static void illegal_move(void)
{
	gd__g_set_status(&gs[0], GD__G_FREE, GD__G_WAITING);
}

CASE(illegal_status_is_thrown)
{
	struct child c;

	child_run(&c, illegal_move);
	CHECK_EQ(c.code, 128 + 6);
	CHECK_HAS(c.text, "illegal change of status");
}

UNIT_MAIN
