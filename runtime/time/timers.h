/* timers.h - one P's heap of timers; read by inspect. */
#ifndef GD_RUNTIME_TIME_TIMERS_H
#define GD_RUNTIME_TIME_TIMERS_H

#include "runtime/base/lock.h"
#include "runtime/sched/p.h"
#include "runtime/time/timer.h"

struct gd__m;

/* Guarded by lock but for the atomics; invariants in timer.c. */
struct gd__timers {
	struct gd__lock lock;
	uint32_t n, cap;
	struct gd__timer **at;
	_Atomic int64_t earliest;
	struct gd__timer *_Atomic firing; /* whose fire is being called */
	struct gd__m *runner;             /* who runs due timers; NULL: nobody */
};

extern struct gd__timers gd__timers[GD__P_MAX];

/* timer_fork.c: at start-up. */
void gd__timers_fork_init(void);
/* In the child of a fork, locked: keeps the timers that go on there. */
void gd__timers_inherit(struct gd__timers *h);

/* As gd__timer_stop, without waiting for a fire in progress. */
bool gd__timer_remove(struct gd__timer *t);

#endif
