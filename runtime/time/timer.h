/*
 * timer.h - timers in per-P heaps, run by the scheduler.
 *
 * Times are of gd__clock_now. Tests put a clock of their own in its place (base/clock.h): then no
 * timer fires until it is moved, and no thread sleeps towards a deadline in real time.
 */
#ifndef GD_RUNTIME_TIME_TIMER_H
#define GD_RUNTIME_TIME_TIMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/clock.h"

struct gd__timers; /* one P's heap */

/* What becomes of a pending timer in the child of a fork, see timer_fork.c. */
enum gd__timer_fork {
	GD__FORK_DROPS, /* on the stack of a goroutine that waits: it is gone with it */
	GD__FORK_STOPS, /* runs code: not pending there */
	GD__FORK_KEEPS
};

/*
 * Caller's memory, all zero before the first start. All fields but fire, arg, root and
 * fork belong to the timer code, guarded by the heap's lock (home is atomic).
 */
struct gd__timer {
	int64_t when;
	int64_t period; /* 0: once */
	/*
	 * Called on a scheduler stack without runtime locks; now is the time it was due or later.
	 * May ready goroutines, spawn, send without waiting, free t; must not park.
	 */
	void (*fire)(struct gd__timer *t, int64_t now);
	void *arg;        /* for fire; a root of the leak detector while pending */
	const void *root; /* one more root while pending, or NULL */
	struct gd__timers *_Atomic home;
	/* In the heap + 1; 0: not pending. Written under the heap's lock. */
	_Atomic uint32_t index;
	enum gd__timer_fork fork; /* set by the caller */
};

/* Starts or restarts; true if it was pending. fire may be running from the time before. */
bool gd__timer_start(struct gd__timer *t, int64_t when, int64_t period);
/*
 * Not pending from here on; true if it was. When it returns, fire is not running
 * (it waits for a call in progress, except when called from fire itself).
 */
bool gd__timer_stop(struct gd__timer *t);

#endif
