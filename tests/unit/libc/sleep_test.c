/* link: gdetect_libc gdetect */
/*
 * sleep_test.c - the sleeping calls: time, order, arguments, and that they take no thread.
 */
#include <threads.h>
#include <time.h>

#include "tests/unit/libc/pairs.h"

#define MS INT64_C(1000000)

enum { SLEEPERS = 10000 };
static _Atomic int woken;

static void sleep_a_second(void *arg)
{
	CHECK_EQ(sleep(1), 0);
	atomic_fetch_add(&woken, 1);
}

static void start_sleepers(void *arg)
{
	int64_t began = gd_now(), took;

	for (int i = 0; i < SLEEPERS; i++)
		gd_go_fn(sleep_a_second, NULL);
	sleep_a_second(NULL);
	while (atomic_load(&woken) <= SLEEPERS)
		gd_yield();
	took = gd_now() - began;
	CHECK(took >= 1000 * MS);
	CHECK(took < 20000 * MS); /* one after the other: hours */
	CHECK(workers() <= FEW);
}

CASE(ten_thousand_sleep_at_the_same_time)
{
	on_one_p(start_sleepers);
}

static long call_usleep(int ms)
{
	return usleep((useconds_t)ms * 1000);
}

static long call_nanosleep(int ms)
{
	struct timespec ts = { 0, ms * MS }, left = { 9, 9 };
	int r = nanosleep(&ts, &left);

	return r == 0 && left.tv_sec == 9 ? 0 : -1;
}

static long call_clock(int ms)
{
	struct timespec ts = { 0, ms * MS };

	return clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static long call_realtime(int ms)
{
	struct timespec ts = { 0, ms * MS };

	return clock_nanosleep(CLOCK_REALTIME, 0, &ts, NULL);
}

static long until(clockid_t clock, int ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += ms * MS;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return clock_nanosleep(clock, TIMER_ABSTIME, &ts, NULL);
}

static long call_until(int ms)
{
	return until(CLOCK_MONOTONIC, ms);
}

static long call_until_realtime(int ms)
{
	return until(CLOCK_REALTIME, ms);
}

static long call_boottime(int ms)
{
	return until(CLOCK_BOOTTIME, ms);
}

static long call_thrd_sleep(int ms)
{
	struct timespec ts = { 0, ms * MS };

	return thrd_sleep(&ts, NULL);
}

static long (*const calls[])(int) = { call_usleep,     call_nanosleep, call_clock,
				      call_realtime,   call_until,     call_until_realtime,
				      call_thrd_sleep, call_boottime };

/* The main goroutine goes on while another sleeps; the sleep is as long as asked. */
static void start_calls(void *arg)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int64_t began = gd_now();
		struct waiter w;

		start_waiter(&w, calls[i], 40);
		join_waiter(&w);
		CHECK_EQ(w.result, 0);
		CHECK(gd_now() - began >= 39 * MS);
	}
}

CASE(each_call_sleeps_and_lets_others_run)
{
	on_one_p(start_calls);
}

static void start_arguments(void *arg)
{
	struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 }, past = { 1, 0 };

	CHECK_EQ(nanosleep(&bad, NULL), -1);
	CHECK_EQ(errno_now(), EINVAL);
	CHECK_EQ(nanosleep(&negative, NULL), -1);
	CHECK_EQ(errno_now(), EINVAL);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL), EINVAL);
	CHECK_EQ(clock_nanosleep(12345, 0, &past, NULL), EINVAL);
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL), 0);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){ 0, 1 }, NULL),
		 0);
	CHECK_EQ(sleep(0), 0);
	CHECK_EQ(usleep(0), 0);
}

CASE(arguments_are_checked_as_by_libc)
{
	on_one_p(start_arguments);
}

/* Outside of goroutines it is libc's: a signal ends it. */
static void on_alarm(int sig)
{
}

CASE(threads_sleep_in_libc)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	CHECK_EQ(sigaction(SIGALRM, &sa, NULL), 0);
	alarm(1);
	CHECK(sleep(30) >= 28);
}

UNIT_MAIN
