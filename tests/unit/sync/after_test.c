/* link: gdetect */
/* after_test.c - timers and tickers: when they fire, and that nothing stale is received. */
#include "runtime/sync/chan.h"
#include "tests/unit/sync/goroutines.h"

static gd_waitgroup group;
static _Atomic int fired;

static void bump(void *arg)
{
	CHECK(arg == &fired);
	CHECK(gd_go_id() > 1); /* in a goroutine of its own */
	atomic_fetch_add(&fired, 1);
	gd_waitgroup_done(&group);
}

static void channel_timer(void *arg)
{
	int64_t start = gd_now(), at = 0;
	gd_timer *t = gd_timer_make(2 * GD_MILLISECOND);

	(void)arg;
	CHECK(gd_chan_recv(gd_timer_chan(t), &at));
	CHECK(at >= start + 2 * GD_MILLISECOND);
	CHECK(!gd_timer_stop(t));
	CHECK(!gd_timer_reset(t, GD_SECOND * 1000));
	CHECK(gd_timer_reset(t, GD_MILLISECOND));
	CHECK(gd_chan_recv(gd_timer_chan(t), &at));
	CHECK(!gd_timer_reset(t, -5)); /* at once */
	CHECK(gd_chan_recv(gd_timer_chan(t), &at));
	CHECK(gd_timer_chan(t).raw->timed);
	gd_timer_free(t);
	gd_timer_free(NULL);
	CHECK(gd_chan_recv(gd_after(GD_MILLISECOND), &at));
	gd_chan_unref(gd_after(GD_MICROSECOND)); /* nobody waits: freed when it has fired */
	gd_sleep(GD_MILLISECOND);
}

CASE(channel_timer)
{
	on_procs(channel_timer);
}

static void stale(void *arg)
{
	int64_t at;

	(void)arg;
	for (int i = 0; i < 200; i++) {
		gd_timer *t = gd_timer_make(i % 3 * GD_MICROSECOND);

		if (i % 2 == 0) {
			while (gd_chan_len(gd_timer_chan(t)) == 0)
				gd_yield();
			CHECK(gd_timer_stop(t)); /* fired, but the value was not received */
		} else {
			gd_timer_stop(t);
		}
		CHECK_EQ(gd_chan_try_recv(gd_timer_chan(t), &at), GD_EAGAIN);
		gd_timer_reset(t, GD_SECOND * 1000);
		gd_yield();
		CHECK_EQ(gd_chan_try_recv(gd_timer_chan(t), &at), GD_EAGAIN);
		gd_timer_free(t);
	}
}

CASE(nothing_stale_after_stop_and_reset)
{
	on_procs(stale);
}

static void after_func(void *arg)
{
	gd_timer *never = gd_after_func(1000 * GD_SECOND, bump, &fired);

	(void)arg;
	gd_waitgroup_add(&group, 11);
	gd_timer *again = gd_after_func(GD_MICROSECOND, bump, &fired);
	for (int i = 0; i < 9; i++)
		gd_after_func(i * GD_MICROSECOND, bump, &fired); /* not freed: the process ends */
	CHECK(gd_timer_chan(again).raw == NULL);
	while (atomic_load(&fired) < 10)
		gd_yield();
	CHECK(!gd_timer_reset(again, GD_MICROSECOND));
	gd_waitgroup_wait(&group);
	CHECK_EQ(atomic_load(&fired), 11);
	CHECK(gd_timer_stop(never));
	CHECK(!gd_timer_stop(never));
	gd_timer_free(never);
	gd_timer_free(again);
}

CASE(after_func)
{
	on_procs(after_func);
}

static void ticker(void *arg)
{
	int64_t last = gd_now(), at;
	gd_ticker *t = gd_ticker_make(GD_MILLISECOND);

	(void)arg;
	for (int i = 0; i < 5; i++) {
		CHECK(gd_chan_recv(gd_ticker_chan(t), &at));
		CHECK(at >= last);
		last = at;
	}
	gd_sleep(5 * GD_MILLISECOND);
	CHECK_EQ(gd_chan_len(gd_ticker_chan(t)), 1); /* ticks for a slow receiver are dropped */
	gd_ticker_stop(t);
	CHECK_EQ(gd_chan_try_recv(gd_ticker_chan(t), &at), GD_EAGAIN);
	gd_sleep(2 * GD_MILLISECOND);
	CHECK_EQ(gd_chan_try_recv(gd_ticker_chan(t), &at), GD_EAGAIN);
	gd_ticker_reset(t, GD_MICROSECOND);
	for (int i = 0; i < 50; i++)
		CHECK(gd_chan_recv(gd_ticker_chan(t), &at));
	gd_ticker_free(t); /* while it fires */
}

CASE(ticker)
{
	on_procs(ticker);
}

/* Two goroutines reset and stop the same timers while they fire and move between Ps. */
enum { SHARED = 8, ROUNDS = 20000 };
static gd_timer *shared_timers[SHARED];

static void disturb(void *arg)
{
	uint32_t draw = arg != NULL ? 7 : 12345;

	for (int i = 0; i < ROUNDS; i++) {
		draw = draw * 1664525u + 1013904223u;

		gd_timer *t = shared_timers[(draw >> 8) % SHARED];

		if ((draw >> 16) % 3 == 0)
			gd_timer_stop(t);
		else
			gd_timer_reset(t, (int64_t)((draw >> 20) % 4) * 2 * GD_MICROSECOND);
		if (i % 64 == 0)
			gd_yield();
	}
	gd_waitgroup_done(&group);
}

static void count(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static void shared(void *arg)
{
	static _Atomic int calls;
	int64_t at;

	(void)arg;
	for (int i = 0; i < SHARED; i++)
		shared_timers[i] = i % 2 == 0 ? gd_after_func(GD_SECOND, count, &calls)
					      : gd_timer_make(GD_SECOND);
	gd_waitgroup_add(&group, 2);
	gd_go_fn(disturb, NULL);
	gd_go_fn(disturb, &group);
	gd_waitgroup_wait(&group);
	for (int i = 0; i < SHARED; i++) {
		gd_timer_stop(shared_timers[i]);
		CHECK(!gd_timer_stop(shared_timers[i]));
	}
	while (gd_go_count() > 1)
		gd_yield(); /* the goroutines that were started */

	int before = atomic_load(&calls);

	gd_sleep(GD_MILLISECOND);
	CHECK_EQ(atomic_load(&calls), before);
	for (int i = 0; i < SHARED; i++) {
		if (i % 2 == 1)
			CHECK_EQ(gd_chan_try_recv(gd_timer_chan(shared_timers[i]), &at), GD_EAGAIN);
		gd_timer_free(shared_timers[i]);
	}
}

CASE(resets_and_stops_of_two_goroutines)
{
	on_procs(shared);
}

/* What was freed serves again, with nothing of what it was before. */
static void reused(void *arg)
{
	enum { AT_ONCE = 100 };
	static gd_timer *t[AT_ONCE];
	static _Atomic int calls;
	int64_t at;

	(void)arg;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < AT_ONCE; i++)
			t[i] = i % 2 == 0 ? gd_after_func(GD_SECOND, count, &calls)
					  : gd_timer_make(GD_SECOND);
		for (int i = 0; i < AT_ONCE; i++) {
			CHECK_EQ(gd_timer_chan(t[i]).raw != NULL, i % 2 == 1);
			if (i % 2 == 1)
				CHECK_EQ(gd_chan_try_recv(gd_timer_chan(t[i]), &at), GD_EAGAIN);
			gd_timer_free(t[i]);
		}
	}
	CHECK_EQ(atomic_load(&calls), 0);
}

CASE(freed_timers_serve_again)
{
	on_procs(reused);
}

static void stop_freed(void *arg)
{
	gd_timer *t = gd_after_func(GD_SECOND, count, NULL);

	(void)arg;
	gd_timer_free(t);
	gd_timer_stop(t);
}

static void no_interval(void *arg)
{
	(void)arg;
	gd_ticker_make(0);
}

static void negative_reset(void *arg)
{
	(void)arg;
	gd_ticker_reset(gd_ticker_make(1000), -1);
}

static void no_function(void *arg)
{
	(void)arg;
	gd_after_func(1, NULL, NULL);
}

CASE(misuse_is_fatal)
{
	expect_fatal(no_function, "gd_after_func of a NULL function");
	expect_fatal(stop_freed, "use of a timer after gd_timer_free");
	expect_fatal(no_interval, "non-positive interval");
	expect_fatal(negative_reset, "non-positive interval");
}

UNIT_MAIN
