/*
 * m.h - an M: an OS thread that runs goroutines.
 *
 * Written by its own thread, but for: next_p and spinning (by the one that
 * wakes it, before the note), link (guarded by sched.lock), note and stop
 * (atomic). Records are never unmapped.
 */
#ifndef GD_RUNTIME_SCHED_M_H
#define GD_RUNTIME_SCHED_M_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/arch/ctx.h"
#include "runtime/arch/regs.h"
#include "runtime/base/compiler.h"

struct gd__eh;
struct gd__g;
struct gd__p;

/* A thread stopped by a signal, see stw.c. */
enum gd__m_stop { GD__M_GOING, GD__M_ASKED, GD__M_STOPPED };

struct gd__m {
	struct gd__g *cur;      /* goroutine it runs; NULL in the scheduler */
	struct gd__p *p;        /* P it holds; NULL when idle or in a system call */
	uintptr_t system_sp;    /* where the scheduler's frames begin; 16-byte aligned */
	int *errno_at;          /* this thread's errno */
	struct gd__eh *eh;      /* this thread's C++ exceptions; NULL: no C++ */
	uintptr_t back;         /* where the last GD__BACK on it was called from; see ctx.h */
	struct gd__g *locked_g; /* the only goroutine it may run, or NULL; see osthread.c */
	uint32_t system_depth;  /* > 0: inside gd__on_system_stack */
	bool spinning;          /* out of work and looking for it; counted in sched.nmspinning */
	/* The mutex whose unlock this thread is just about, see sync/mutex.c; read by anybody. */
	const void *_Atomic unlocking;
	struct gd__p *next_p;      /* P handed over with the note */
	struct gd__p *syscall_p;   /* P it held before the system call */
	_Atomic uint32_t note;     /* futex word: 1 when woken */
	struct gd__m *link;        /* idle list */
	struct gd__m *_Atomic all; /* list of all Ms, in the anchor; set before publication */
	int32_t id;
	int32_t tid;
	uint32_t random;
	int64_t deadline; /* while it sleeps as the timekeeper */
	uintptr_t stack_lo, stack_hi;

	struct gd__ctx home;                  /* where its thread ends, see gd__m_end */
	void *alt_stack;                      /* for signal handlers; kept with the record */
	stack_t alt_before;                   /* what was there before */
	uint64_t signal_mask;                 /* as its thread began */
	_Atomic uint32_t *_Atomic preempt_at; /* its thread's gd__preempt_wanted */
	int32_t ended_tid;    /* of a thread that may not be gone yet; guarded by sched.lock */
	void (*helper)(void); /* what its thread does instead of running goroutines, or NULL */
	bool faulted;         /* its goroutine has met a guard: it waits for the end, see trap.c */

	_Atomic uint32_t busy;   /* > 0: in code that a stopper must not interrupt, see below */
	_Atomic uint32_t stop;   /* enum gd__m_stop */
	uint64_t regs[GD__REGS]; /* valid while stop is GD__M_STOPPED, or regs_own */
	uint64_t vec_lo, vec_hi; /* where the kernel has put the vector registers; as regs, or 0 */
	bool regs_own;           /* saved by the thread itself, which is on its system stack */
};

/* Only gd__m_self and the thread's first code name it. */
extern GD__TLS struct gd__m *gd__m_tls;

/* This thread's M; NULL on a foreign thread. Do not keep it across a park. */
static GD__ALWAYS_INLINE struct gd__m *gd__m_self(void)
{
	struct gd__m *m;

	GD__TLS_LOAD(m, gd__m_tls);
	return m;
}

/*
 * Around code on a goroutine's stack that a stop of the world must not leave half done: where it
 * holds a lock that the stopper takes (sched, timers, goroutine table), or a P that is in no
 * list and on no M. Nests; no park in between. The M, NULL on a foreign thread.
 */
struct gd__m *gd__m_busy_begin(void);
void gd__m_busy_end(struct gd__m *m);

/*
 * Starts a thread that runs goroutines, holding p (spinning: it has to look for them). 0; or
 * EAGAIN (limit of threads), ENOMEM: p stays with the caller.
 */
int gd__m_start(struct gd__p *p, bool spinning);
/* Sleeps until woken with a P, or until deadline (INT64_MAX: no limit). True if woken. */
bool gd__m_sleep(struct gd__m *m, int64_t deadline);
void gd__m_wake(struct gd__m *m);
/*
 * On the system stack, without a P: the context in which this thread ends. The caller has taken
 * it off sched.nm. Its record is used again when the kernel has let go of the stack.
 */
const struct gd__ctx *gd__m_end(struct gd__m *m);

/* errno of the thread this runs on, looked up afresh. A thread of the runtime's only. */
static inline int gd__errno_get(void)
{
	return *gd__m_self()->errno_at;
}

static inline void gd__errno_set(int value)
{
	*gd__m_self()->errno_at = value;
}

/* A thread outside of the scheduler: sysmon. Its M has no P and no goroutine. */
void gd__m_start_helper(void (*fn)(void));
/* The same, for work that comes to an end: the thread ends with fn. false: no thread. */
bool gd__m_try_helper(void (*fn)(void));

#endif
