/* link: gdetect */
/* timer_test.c - the heap of timers: order, stop, restart, many Ps, and sleep. */
#include "runtime/time/timer.h"

#include <stdatomic.h>

#include <gdetect/gdetect.h>

#include "tests/support/unit.h"

#define N 2000

static struct gd__timer timers[N];
static _Atomic int fired[N], total;
static int64_t last_when;

/* Looks at nothing that a restart of t may be changing meanwhile. */
static void fire(struct gd__timer *t, int64_t now)
{
	(void)now;
	atomic_fetch_add(&fired[t - timers], 1);
	atomic_fetch_add(&total, 1);
}

static void fire_in_order(struct gd__timer *t, int64_t now)
{
	CHECK(t->when <= now);
	CHECK(t->when >= last_when);
	last_when = t->when;
	fire(t, now);
}

static uint32_t rnd = 12345;

static uint32_t next_random(void)
{
	return rnd = rnd * 1664525u + 1013904223u;
}

static void start_order(void *arg)
{
	int64_t now = gd_now();

	(void)arg;
	for (int i = 0; i < N; i++) {
		timers[i].fire = fire_in_order;
		CHECK(!gd__timer_start(&timers[i], now + next_random() % 5000000, 0));
	}
	/* Every third is stopped, every fifth moved. */
	for (int i = 0; i < N; i++) {
		if (i % 3 == 0)
			gd__timer_stop(&timers[i]);
		else if (i % 5 == 0)
			gd__timer_start(&timers[i], now + 5000000 + i, 0);
	}
	gd_sleep(20 * GD_MILLISECOND);
	for (int i = 0; i < N; i++)
		CHECK(fired[i] <= 1 && (i % 3 == 0 || fired[i] == 1));
}

CASE(due_timers_fire_once_and_in_order)
{
	gd_set_procs(1);
	CHECK_EQ(gd_run(start_order, NULL), 0);
}

static void start_stopped(void *arg)
{
	int64_t now = gd_now();

	(void)arg;
	for (int i = 0; i < N; i++) {
		timers[i].fire = fire;
		gd__timer_start(&timers[i], now + 3600 * GD_SECOND, 0);
	}
	for (int i = N - 1; i >= 0; i--) {
		CHECK(gd__timer_stop(&timers[i]));
		CHECK(!gd__timer_stop(&timers[i]));
	}
	CHECK_EQ(total, 0);
}

CASE(a_stopped_timer_does_not_fire)
{
	CHECK_EQ(gd_run(start_stopped, NULL), 0);
}

static void start_periodic(void *arg)
{
	(void)arg;
	timers[0].fire = fire;
	gd__timer_start(&timers[0], gd_now() + GD_MILLISECOND, GD_MILLISECOND);
	while (total < 5)
		gd_sleep(GD_MILLISECOND / 4);
	CHECK(gd__timer_stop(&timers[0]));
}

CASE(a_period_repeats_until_stopped)
{
	CHECK_EQ(gd_run(start_periodic, NULL), 0);
}

struct worker_args {
	int from;
};

static _Atomic int workers;

/* Each worker starts, moves and stops its own timers on whatever P it is on. */
static void worker(struct worker_args *a)
{
	uint32_t r = (uint32_t)a->from + 1;

	for (int round = 0; round < 2000; round++) {
		struct gd__timer *t = &timers[a->from + round % 100];

		r = r * 1664525u + 1013904223u;
		t->fire = fire;
		if (r % 4 == 0)
			gd__timer_stop(t);
		else
			gd__timer_start(t, gd_now() + r % 100000, 0);
		if (r % 7 == 0)
			gd_yield();
	}
	for (int i = 0; i < 100; i++)
		gd__timer_stop(&timers[a->from + i]);
	atomic_fetch_add(&workers, 1);
}

static void start_contended(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		gd_go(worker, .from = i * 100);
	while (workers < 20)
		gd_sleep(GD_MILLISECOND);
	int seen = total;

	gd_sleep(2 * GD_MILLISECOND);
	CHECK_EQ(total, seen); /* stopped is stopped */
}

CASE(timers_move_between_ps)
{
	gd_set_procs(8);
	CHECK_EQ(gd_run(start_contended, NULL), 0);
}

static _Atomic int arrived;

static void start_one(void *arg)
{
	struct gd__timer *t = arg;

	atomic_fetch_add(&arrived, 1);
	while (arrived < 2) /* so that one of the two is on another P than 0 */
		;
	t->fire = fire;
	gd__timer_start(t, gd_now() + 5 * GD_MILLISECOND, 0);
	atomic_fetch_add(&workers, 1);
}

static void start_removed(void *arg)
{
	int64_t end;

	(void)arg;
	gd_go_fn(start_one, &timers[0]);
	gd_go_fn(start_one, &timers[1]);
	while (workers < 2)
		gd_yield();
	CHECK_EQ(gd_set_procs(1), GD_OK);
	/* The only P is never out of work. */
	end = gd_now() + GD_SECOND;
	while (total < 2 && gd_now() < end)
		gd_yield();
	CHECK_EQ(total, 2);
}

CASE(timers_of_a_removed_p_fire)
{
	gd_set_procs(2);
	CHECK_EQ(gd_run(start_removed, NULL), 0);
}

static void start_sleep(void *arg)
{
	int64_t before = gd_now();

	(void)arg;
	gd_sleep(5 * GD_MILLISECOND);
	CHECK(gd_now() - before >= 5 * GD_MILLISECOND);
	gd_sleep(0);
	gd_sleep(-1);
}

CASE(sleep_is_never_short)
{
	CHECK_EQ(gd_run(start_sleep, NULL), 0);
}

UNIT_MAIN
