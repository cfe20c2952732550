/* link: gdetect */
/*
 * foreign_test.c - the public functions on a thread that runs no goroutine: each works, or is a
 * fatal error that names it. The headers say which.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "tests/support/child.h"
#include "tests/support/unit.h"

static void (*to_call)(void);
static _Atomic bool called;

static void *call(void *arg)
{
	to_call();
	called = true;
	return arg;
}

/* The goroutine's P is free meanwhile, as is the thread's business. */
static void start_thread(void *arg)
{
	pthread_t thread;

	(void)arg;
	CHECK_EQ(pthread_create(&thread, NULL, call, NULL), 0);
	while (!called)
		gd_sleep(GD_MILLISECOND);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void run_thread(void)
{
	CHECK_EQ(gd_set_procs(2), GD_OK);
	gd_run(start_thread, NULL);
}

/* --- what works --- */

static _Atomic int fired;

static void fire(void *arg)
{
	(void)arg;
	fired++;
}

static void *new_item(void)
{
	return malloc(8);
}

static void use_channels(void)
{
	gd_chan *c = gd_chan_make_raw(sizeof(int), 1, "c");
	int v = 7;

	CHECK(gd_chan_ref_raw(c) == c);
	CHECK_EQ(gd_chan_try_recv_raw(c, &v), GD_EAGAIN);
	CHECK_EQ(gd_chan_try_send_raw(c, &v), GD_OK);
	CHECK_EQ(gd_chan_try_send_raw(c, &v), GD_EAGAIN);
	CHECK_EQ(gd_chan_len_raw(c), 1);
	CHECK_EQ(gd_chan_cap_raw(c), 1);
	CHECK_EQ(gd_chan_try_recv_raw(c, &v), GD_OK);
	CHECK_EQ(v, 7);
	gd_chan_close_raw(c);
	CHECK_EQ(gd_chan_try_recv_raw(c, &v), GD_ECLOSED);
	gd_chan_unref_raw(c);
	gd_chan_unref_raw(c);
}

static void use_timers(void)
{
	gd_timer *never = gd_timer_make(3600 * GD_SECOND), *func;
	gd_ticker *ticker = gd_ticker_make(GD_MILLISECOND);
	gd_time_chan after = gd_after(0);
	bool due = false, ticked = false;
	int64_t end = gd_now() + 20 * GD_SECOND, t;

	func = gd_after_func(0, fire, NULL);
	while (!fired || !due || !ticked) {
		due |= gd_chan_try_recv(after, &t) == GD_OK;
		ticked |= gd_chan_try_recv(gd_ticker_chan(ticker), &t) == GD_OK;
		CHECK(gd_now() < end);
	}
	CHECK(gd_timer_stop(never));
	CHECK(!gd_timer_reset(never, 3600 * GD_SECOND));
	CHECK_EQ(gd_chan_len(gd_timer_chan(never)), 0);
	gd_ticker_reset(ticker, GD_SECOND);
	gd_ticker_stop(ticker);
	gd_ticker_free(ticker);
	gd_timer_free(never);
	gd_timer_free(func);
	gd_chan_unref(after);
}

static void use_contexts(void)
{
	static int key;
	gd_context *c = gd_context_with_timeout(gd_context_background(), 3600 * GD_SECOND);
	gd_context *v = gd_context_with_value(c, &key, &fired);

	CHECK(gd_context_value(v, &key) == &fired);
	CHECK(gd_context_deadline(v) > gd_now());
	CHECK_EQ(gd_context_err(v), GD_OK);
	gd_context_cancel(gd_context_ref(c));
	CHECK_EQ(gd_context_err(v), GD_ECANCELED);
	CHECK_EQ(gd_chan_try_recv(gd_context_done(v), NULL), GD_ECLOSED);
	gd_context_unref(v);
	gd_context_unref(c);
	gd_context_unref(c);
}

static void use_sync(void)
{
	static gd_waitgroup group;
	static gd_mutex mutex;
	static gd_cond cond;
	static gd_pool pool = { .make = new_item };
	void *item = gd_pool_get(&pool);

	gd_waitgroup_add(&group, 2);
	gd_waitgroup_done(&group);
	gd_waitgroup_add(&group, -1);
	gd_cond_init(&cond, &mutex);
	gd_cond_signal(&cond);
	gd_cond_broadcast(&cond);
	CHECK(item != NULL);
	gd_pool_put(&pool, item);
	gd_pool_release(&pool, NULL);
}

static void use_all(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	CHECK_EQ(gd_go_id(), 0);
	CHECK(gd_go_count() >= 1);
	CHECK_EQ(gd_procs(), 2);
	gd_errno_set(ENOENT);
	CHECK_EQ(gd_errno(), ENOENT);
	CHECK_EQ(*gd_errno_at(), errno);
	CHECK_STR(gd_error_text(GD_OK), "no error");
	use_channels();
	use_timers();
	use_contexts();
	use_sync();
	gd_stacks(null);
	close(null);
}

CASE(what_does_not_wait_works)
{
	to_call = use_all;
	run_thread();
}

/* --- what does not --- */

static gd_mutex mutex;
static gd_rwmutex rwmutex;
static gd_waitgroup group;
static gd_once once;
static gd_cond cond;
static gd_chan *chan;
static int v;

static void go_on(void *arg)
{
	(void)arg;
}

#define CALL(name, ...)                                                                            \
	static void call_##name(void)                                                              \
	{                                                                                          \
		__VA_ARGS__;                                                                       \
	}
#define CALLS(X)                                                                                   \
	X(gd_go, gd_go_fn(go_on, NULL))                                                            \
	X(gd_go_name, gd_go_name("x"))                                                             \
	X(gd_go_background, gd_go_background())                                                    \
	X(gd_go_exit, gd_go_exit())                                                                \
	X(gd_yield, gd_yield())                                                                    \
	X(gd_set_procs, gd_set_procs(1))                                                           \
	X(gd_syscall, (void)gd_syscall(getpid()))                                                  \
	X(gd_lock_os_thread, gd_lock_os_thread())                                                  \
	X(gd_unlock_os_thread, gd_unlock_os_thread())                                              \
	X(gd_chan_send, gd_chan_send_raw(chan, &v))                                                \
	X(gd_chan_recv, gd_chan_recv_raw(chan, &v))                                                \
	X(gd_select, gd_select(GD_RECV_RAW(chan), GD_DEFAULT))                                     \
	X(gd_sleep, gd_sleep(1))                                                                   \
	X(gd_mutex_lock, gd_mutex_lock(&mutex))                                                    \
	X(gd_mutex_try_lock, gd_mutex_try_lock(&mutex))                                            \
	X(gd_mutex_unlock, gd_mutex_unlock(&mutex))                                                \
	X(gd_rwmutex_lock, gd_rwmutex_lock(&rwmutex))                                              \
	X(gd_rwmutex_try_lock, gd_rwmutex_try_lock(&rwmutex))                                      \
	X(gd_rwmutex_unlock, gd_rwmutex_unlock(&rwmutex))                                          \
	X(gd_rwmutex_rlock, gd_rwmutex_rlock(&rwmutex))                                            \
	X(gd_rwmutex_try_rlock, gd_rwmutex_try_rlock(&rwmutex))                                    \
	X(gd_rwmutex_runlock, gd_rwmutex_runlock(&rwmutex))                                        \
	X(gd_waitgroup_wait, gd_waitgroup_wait(&group))                                            \
	X(gd_once_do, gd_once_do(&once, go_on, NULL))                                              \
	X(gd_cond_wait, gd_cond_wait(&cond))
#define GD_RECV_RAW(c)                                                                             \
	{                                                                                          \
		GD_CASE_RECV, (c), NULL, NULL, 0                                                   \
	}

CALLS(CALL)

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {
#define ENTRY(name, ...) { #name, call_##name },
	CALLS(ENTRY)
};

CASE(what_is_for_goroutines_says_so)
{
	char text[80];

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct child c;

		to_call = calls[i].call;
		gd_cond_init(&cond, &mutex);
		chan = gd_chan_make_raw(sizeof(int), 1, "chan");
		child_run(&c, run_thread);
		snprintf(text, sizeof(text), "fatal error: %s called outside a goroutine",
			 calls[i].name);
		CHECK_HAS(c.text, text);
		CHECK_EQ(c.code, 2);
	}
}

static void send_until(void)
{
	gd_chan_send_until_raw(chan, &v, gd_now() + GD_MILLISECOND);
	gd_chan_send_until_raw(chan, &v, gd_now() + GD_MILLISECOND);
}

static void recv_until(void)
{
	gd_chan_recv_until_raw(chan, &v, gd_now() + GD_MILLISECOND);
}

CASE(waits_with_a_deadline_say_so)
{
	struct child c;

	chan = gd_chan_make_raw(sizeof(int), 1, "chan");
	to_call = send_until;
	child_run(&c, run_thread);
	CHECK_HAS(c.text, "called outside a goroutine");
	CHECK_EQ(c.code, 2);
	to_call = recv_until;
	child_run(&c, run_thread);
	CHECK_HAS(c.text, "called outside a goroutine");
	CHECK_EQ(c.code, 2);
}

UNIT_MAIN
