/* link: gdetect */
/* sync_hook_test.c - what locks, groups, pools, timers and contexts order. */
#include "tests/unit/sync/toy_detector.h"

typedef gd_chan_of(int) int_chan;

/* --- locks --- */

static gd_mutex mutex;
static gd_rwmutex rwmutex;

static void mutex_write(void)
{
	gd_mutex_lock(&mutex);
	writes(&x);
	next();
	for (int i = 0; i < 50; i++)
		gd_yield();
	gd_mutex_unlock(&mutex);
}

static void mutex_read(void)
{
	reach(1);
	gd_mutex_lock(&mutex);
	reads(&x);
	gd_mutex_unlock(&mutex);
}

CASE(norace_mutex)
{
	halves(mutex_write, mutex_read, 0);
}

static void reader_writes_z(void)
{
	gd_rwmutex_rlock(&rwmutex);
	reads(&x);
	writes(&z);
	gd_rwmutex_runlock(&rwmutex);
	next();
}

static void writer_after_reader(void)
{
	reach(1);
	gd_rwmutex_lock(&rwmutex);
	writes(&x);
	reads(&z);
	gd_rwmutex_unlock(&rwmutex);
}

CASE(norace_reader_then_writer)
{
	halves(reader_writes_z, writer_after_reader, 0);
}

static void reader_after_reader(void)
{
	reach(1);
	gd_rwmutex_rlock(&rwmutex);
	reads(&z);
	gd_rwmutex_runlock(&rwmutex);
}

CASE(race_readers_do_not_order_each_other)
{
	halves(reader_writes_z, reader_after_reader, 1);
}

/* --- waitgroup, once, pool --- */

static gd_waitgroup group;

static void add_and_wait(void)
{
	gd_waitgroup_add(&group, 1);
	next();
	gd_waitgroup_wait(&group);
	reads(&x);
}

static void write_and_done(void)
{
	reach(1);
	for (int i = 0; i < 50; i++)
		gd_yield();
	writes(&x);
	gd_waitgroup_done(&group);
}

CASE(norace_waitgroup)
{
	halves(add_and_wait, write_and_done, 0);
}

static void wait_unordered(void)
{
	reach(1);
	next();
	gd_waitgroup_wait(&group);
}

static void let_it_park(void)
{
	gd_waitgroup_add(&group, 1);
	next();
	while (group.waiters_ == 0)
		gd_yield();
	gd_waitgroup_done(&group);
}

CASE(race_add_against_wait)
{
	halves(let_it_park, wait_unordered, 1);
}

static gd_once once;

static void init_x(void *arg)
{
	(void)arg;
	writes(&x);
}

static void once_first(void)
{
	gd_once_do(&once, init_x, NULL);
	next();
}

static void once_second(void)
{
	reach(1);
	gd_once_do(&once, init_x, NULL);
	reads(&x);
}

CASE(norace_once)
{
	halves(once_first, once_second, 0);
}

static gd_pool pool;

static void pool_put(void)
{
	writes(&x);
	gd_pool_put(&pool, &x);
	next();
}

static void pool_get(void)
{
	reach(1);
	CHECK(gd_pool_get(&pool) == &x);
	writes(&x);
}

CASE(norace_pool_same_object)
{
	halves(pool_put, pool_get, 0);
}

static void pool_put_then_touch(void)
{
	writes(&z);
	gd_pool_put(&pool, &x);
	gd_pool_put(&pool, &y);
	CHECK(gd_pool_get(&pool) == &y);
	next();
}

static void pool_put_other(void)
{
	reach(1);
	gd_pool_put(&pool, &y);
	reads(&z); /* a put acquires nothing */
}

CASE(race_pool_orders_only_put_before_get)
{
	halves(pool_put_then_touch, pool_put_other, 1);
}

/* --- time and contexts --- */

static gd_timer *timer;

static void set_timer(void)
{
	timer = gd_timer_make(1000 * GD_SECOND);
	writes(&x);
	gd_timer_reset(timer, GD_MICROSECOND);
	next();
}

static void receive_timer(void)
{
	reach(1);
	gd_chan_recv(gd_timer_chan(timer), NULL);
	reads(&x);
}

CASE(norace_timer_channel)
{
	halves(set_timer, receive_timer, 0);
}

static void reads_x(void *arg)
{
	(void)arg;
	reads(&x);
	reads(&timer);
	next();
}

static void timer_ordered(void)
{
	writes(&x);
	gd_after_func(0, reads_x, NULL);
	reach(2);
}

static void nothing(void)
{
}

CASE(norace_after_func)
{
	halves(timer_ordered, nothing, 0);
}

static void timer_unordered(void)
{
	gd_timer *t = gd_after_func(0, reads_x, NULL);

	writes(&timer); /* the article's race: the result is stored after the start */
	(void)t;
	reach(2);
}

CASE(race_after_func_against_its_result)
{
	halves(timer_unordered, nothing, 1);
}

static gd_context *context;

static void cancel_context(void)
{
	context = gd_context_with_cancel(gd_context_background());
	next();
	writes(&x);
	gd_context_cancel(context);
}

static void wait_context(void)
{
	reach(1);
	gd_chan_recv(gd_context_done(context), NULL);
	reads(&x);
	gd_context_unref(context); /* frees what the canceller closed: no race */
}

CASE(norace_context_cancel)
{
	halves(cancel_context, wait_context, 0);
}

static void poll_context(void)
{
	reach(1);
	while (gd_context_err(context) == GD_OK)
		gd_yield();
	reads(&x);
}

CASE(norace_context_err)
{
	halves(cancel_context, poll_context, 0);
}

UNIT_MAIN
