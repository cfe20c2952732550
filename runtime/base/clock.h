/*
 * clock.h - the clock that deadlines are measured by: sleeps, timers, timed waits, the poller.
 *
 * It is the system's monotonic clock, unless a test has put another one in its place. What the
 * scheduler measures for itself (time slices, system calls, ages) stays with gd__os_now.
 */
#ifndef GD_RUNTIME_BASE_CLOCK_H
#define GD_RUNTIME_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/compiler.h"

/*
 * The seam. Tests set all four before gd_run and while there is one thread. A clock that is moved
 * by hand never goes back; who has moved it then calls gd__source_changed(INT64_MIN), which wakes
 * who sleeps. Called on any thread, with locks of the runtime held: it waits for nothing and calls
 * nothing of the runtime.
 */
struct gd__timebase {
	int64_t (*now)(void);
	int64_t (*coarse)(void); /* some milliseconds old, cheaper */
	/* Whether the clock reads until or later; os_now is what gd__os_now has just said. */
	bool (*passed)(int64_t until, int64_t os_now);
	/* How long a thread may sleep that is to be awake at until: 0 if it has passed; -1: until
	 * it is woken. */
	int64_t (*left)(int64_t until);
};
extern struct gd__timebase gd__timebase GD__HIDDEN;

int64_t gd__clock_now(void);
static inline int64_t gd__clock_coarse(void)
{
	return gd__timebase.coarse();
}
static inline bool gd__clock_passed(int64_t until, int64_t os_now)
{
	return gd__timebase.passed(until, os_now);
}
static inline int64_t gd__clock_left(int64_t until)
{
	return gd__timebase.left(until);
}

#endif
