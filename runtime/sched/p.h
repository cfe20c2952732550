/*
 * p.h - a P: the right to run goroutines, with what makes running them cheap.
 */
#ifndef GD_RUNTIME_SCHED_P_H
#define GD_RUNTIME_SCHED_P_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/base/atomic.h"
#include "runtime/sched/runq.h"

struct gd__m;

#define GD__P_MAX  256
#define GD__P_FREE 64u

enum gd__p_status {
	GD__P_NONE,    /* number above gd_procs() */
	GD__P_IDLE,    /* on the idle list; guarded by sched.lock */
	GD__P_RUNNING, /* belongs to an M */
	GD__P_SYSCALL, /* its M is in a system call: anybody may take it by compare-and-swap */
	GD__P_STOPPED  /* the world is stopped */
};

/*
 * Owned by the M that holds it, but for: status (atomic), runq (see runq.h),
 * runnext (atomic; thieves may take it), the ticks (atomic; sysmon reads them), due (atomic),
 * link (guarded by sched.lock).
 */
struct gd__p {
	int id;
	_Atomic uint32_t status;
	struct gd__m *m;
	struct gd__p *link;
	struct gd__g *_Atomic runnext;  /* runs before the queue, inherits the time slice */
	_Atomic uint32_t schedtick;     /* rises with every goroutine run from the queues */
	_Atomic uint32_t late_tick;     /* schedtick of the slice that sysmon asked to end */
	_Atomic uint32_t syscalltick;   /* rises with every system call */
	_Atomic int64_t due;            /* see gd__source_due; a hint */
	struct gd__g *free[GD__P_FREE]; /* dead goroutines, the one that ended last at the end */
	uint32_t nfree;
	uint64_t goid, goid_end; /* ids [goid, goid_end) are this P's to give */
	_Atomic int64_t
		alive; /* started less ended here, system ones not counted; the sum counts */
	_Atomic uint64_t steals; /* goroutines taken from others; a count */
	struct gd__runq runq;

	/* What sysmon saw last; only sysmon touches these. */
	uint32_t seen_sched, seen_syscall;
	int64_t seen_sched_at, seen_syscall_at;
	_Atomic uint64_t switches, syscalls; /* the ticks so far, see gd__ticks */
	/* The goroutine that was asked to give way and has not, since when; see hog.c. */
	const struct gd__g *asked;
	int64_t asked_at, asked_cpu;
};

extern struct gd__p gd__allp[GD__P_MAX];

/*
 * A tick in 64 bits: wide is what it was when sysmon looked last, which is before it has come
 * round. Where the two differ in their low half, the tick has gone on.
 */
static inline uint64_t gd__ticks(const _Atomic uint64_t *wide, const _Atomic uint32_t *tick)
{
	uint64_t was = gd__load_relaxed(wide); /* first: the tick is never behind it */

	return was + (uint32_t)(gd__load_relaxed(tick) - (uint32_t)was); /* a count */
}

/* Queues g on p, which the caller holds; next: in front of all. Spills half to the global queue. */
void gd__p_put(struct gd__p *p, struct gd__g *g, bool next);
/* Next goroutine of p: runnext, then the ring. *inherit: it shares the time slice. */
struct gd__g *gd__p_get(struct gd__p *p, bool *inherit);
bool gd__p_empty(struct gd__p *p);
/* The same for the owner, to whom nobody can add. */
static inline bool gd__p_empty_own(const struct gd__p *p)
{
	/* relaxed: thieves only take */
	return gd__load_relaxed(&p->runq.head) == gd__load_relaxed(&p->runq.tail) &&
	       !gd__load_relaxed(&p->runnext);
}
/* Steals half of victim's queue into p's and returns one of them, or NULL. */
struct gd__g *gd__p_steal(struct gd__p *p, struct gd__p *victim, bool runnext_too);

#endif
