/*
 * sleep.c - the sleeping calls: gd_sleep, with their arguments and results.
 *
 * A parked goroutine is not woken by signals, so nothing is ever left to sleep.
 * Clocks that may be set (CLOCK_REALTIME, absolute) are looked at again every
 * second; clocks that a timer of ours cannot follow block the thread.
 */
#include <errno.h>

#include <gdetect/time.h>

#include "runtime/libc/libc.h"

#define NS_PER_SEC INT64_C(1000000000)

static bool is_time(const struct timespec *ts)
{
	return ts->tv_nsec >= 0 && ts->tv_nsec < NS_PER_SEC && ts->tv_sec >= 0;
}

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec > INT64_MAX / NS_PER_SEC - 1 ? INT64_MAX
						       : ts->tv_sec * NS_PER_SEC + ts->tv_nsec;
}

unsigned gd__libc_sleep(unsigned seconds)
{
	if (!gd__block_may_park())
		return GD__NEXT(sleep)(seconds);
	gd_sleep((int64_t)seconds * NS_PER_SEC);
	return 0;
}
GD__PUBLISH(sleep);

int gd__libc_usleep(useconds_t us)
{
	if (!gd__block_may_park())
		return GD__NEXT(usleep)(us);
	gd_sleep((int64_t)us * 1000);
	return 0;
}
GD__PUBLISH(usleep);

int gd__libc_nanosleep(const struct timespec *ts, struct timespec *left)
{
	if (!gd__block_may_park() || !ts || !is_time(ts))
		return GD__NEXT(nanosleep)(ts, left);
	gd_sleep(ns_of(ts));
	return 0;
}
GD__PUBLISH(nanosleep);

/* Until the clock shows when. */
static void sleep_until(clockid_t clock, int64_t when)
{
	struct timespec ts;
	int64_t left;

	for (;;) {
		clock_gettime(clock, &ts);
		left = when - ns_of(&ts);
		if (left <= 0)
			return;
		gd_sleep(clock == CLOCK_MONOTONIC || left < NS_PER_SEC ? left : NS_PER_SEC);
	}
}

int gd__libc_clock_nanosleep(clockid_t clock, int flags, const struct timespec *ts,
			     struct timespec *left)
{
	bool ours = (clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME) &&
		    (flags & ~TIMER_ABSTIME) == 0 && ts && is_time(ts);

	if (!ours || !gd__block_may_park())
		return GD__HAND_OFF(GD__NEXT(clock_nanosleep)(clock, flags, ts, left));
	if (flags & TIMER_ABSTIME)
		sleep_until(clock, ns_of(ts));
	else
		gd_sleep(ns_of(ts));
	return 0;
}
GD__PUBLISH(clock_nanosleep);

int gd__libc_thrd_sleep(const struct timespec *ts, struct timespec *left)
{
	if (!gd__block_may_park() || !ts || !is_time(ts))
		return GD__NEXT(thrd_sleep)(ts, left);
	gd_sleep(ns_of(ts));
	return 0;
}
GD__PUBLISH(thrd_sleep);
