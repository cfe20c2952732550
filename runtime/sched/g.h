/*
 * g.h - a goroutine.
 *
 * Records lie in contiguous chunks that are never unmapped, so that a
 * stranger (a late waker, a debugger, a dump) may always look at one; seq
 * tells whether it is still the same goroutine.
 *
 * Fields without another word are written by the goroutine itself while it
 * runs, or by the one that changes its status, and read by others only while
 * it waits or the world is stopped.
 */
#ifndef GD_RUNTIME_SCHED_G_H
#define GD_RUNTIME_SCHED_G_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/arch/ctx.h"
#include "runtime/arch/regs.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/objkind.h"

struct gd__m;
struct gd__hook_ctx;
struct gd__oslocks;

enum gd__g_status {
	GD__G_FREE,     /* on a free list */
	GD__G_RUNNABLE, /* on a run queue */
	GD__G_RUNNING,  /* has an M and a P */
	GD__G_SYSCALL,  /* has an M; its P may be taken away */
	GD__G_WAITING,  /* parked; somebody will call gd__ready */
	GD__G_DEAD      /* function returned, record not yet on a free list */
};

/* One thing that a parked goroutine waits for. Stays in memory as long as it is parked. */
struct gd__wait {
	const void *obj; /* NULL: nil channel */
	uint16_t kind;   /* enum gd__obj_kind */
	uint16_t op;     /* enum gd__wait_op */
	uint32_t unused;
};

/* A read lock that a goroutine holds, so that a writer's wait has owners. */
struct gd__held {
	const void *lock;
	uint32_t count;
	uint32_t unused;
	const void *pc; /* of the first rlock */
};

/* What the C++ runtime keeps per thread, see cxx.h. */
struct gd__eh {
	void *caught;
	uint64_t uncaught;
};

#define GD__HELD_MAX      4
#define GD__CREATE_FRAMES 8

struct gd__g {
	struct gd__ctx ctx; /* valid while not running */
	_Atomic uint32_t status;
	uint32_t wait_reason;
	uint64_t id; /* 1 is main; never used twice */
	uint64_t parent_id;
	_Atomic uint32_t seq; /* rises when the record is taken for a new goroutine */
	uint32_t nwaits;
	const void *waits; /* nwaits structs that begin with struct gd__wait, wait_stride apart */
	uint32_t wait_stride;
	uint32_t held_lost; /* read locks that did not fit in held */
	int64_t since;      /* clock time of the last park */
	uintptr_t stack_lo, stack_hi;
	uintptr_t stack_low; /* lowest stack pointer seen at a park: what is below is clean */
	void (*fn)(void *);
	void *arg;
	const char *name; /* of the function as written in gd_go; gd_go_name replaces it */
	const char *site; /* "file.c:12" of the gd_go */
	uintptr_t create_pc[GD__CREATE_FRAMES];
	struct gd__hook_ctx *hook_ctx;
	struct gd__m *m;        /* while running or in a system call */
	struct gd__g *next;     /* link of the one list or queue it is on */
	struct gd__m *locked_m; /* the only M that may run it, or NULL; see osthread.c */

	/* Hand-over between the waker and the woken; see sync/waitq.h. */
	_Atomic uint32_t select_done; /* 1: somebody has won the right to wake it */
	uint32_t wake_ok;             /* 0: woken by close, deadline or recovery */
	void *wake_waiter;            /* which of its waiters was served */

	/* Recovery, see sync/recover.h. */
	uint32_t parks;     /* rises with each park: with id and seq it names one wait */
	bool recoverable;   /* it looks at results */
	bool leaked;        /* woken by recovery, and its operation has not yet seen it */
	uint8_t tellings;   /* of recoveries since it last called gd_go_recoverable */
	uint32_t recovered; /* of all recoveries */
	uint32_t scope;     /* the test it belongs to, from who started it on; 0: none */
	uintptr_t told_of;  /* what the last one was waiting for, if tellings > 0 */

	struct gd__held held[GD__HELD_MAX];
	_Atomic bool preempt;  /* sysmon asks it to yield at the next safe point */
	struct gd__eh eh;      /* while not running */
	bool background;       /* never a leak */
	bool unguarded;        /* its stack has no guard: gd__stack_check at each park */
	bool system;           /* the runtime's own */
	uint32_t wait_timed;   /* parked with a deadline: it wakes by itself */
	uint32_t held_back;    /* > 0: not preempted at function entries, see gd__preempt_hold */
	uint32_t trimmed;      /* seq when its free stack was last given back, see trim.c */
	uint32_t thread_locks; /* gd_lock_os_thread without its unlock */
	void *park;            /* hand-over of park.c */
	struct gd__oslocks *oslocks; /* OS locks it holds; NULL: the record never held one */

	/* In a system call: where its frames are, and the callee-saved registers. */
	uintptr_t call_sp, call_pc, call_bp;
	uintptr_t call_regs[GD__CALL_REGS]; /* GD__CALL_REG_NUMBERS */
};

/* Legal moves. With constants, as in all callers, a constant. */
static GD__ALWAYS_INLINE bool gd__g_may_become(enum gd__g_status from, enum gd__g_status to)
{
	switch (from) {
	case GD__G_FREE:
	case GD__G_WAITING:
		return to == GD__G_RUNNABLE;
	case GD__G_RUNNABLE:
		return to == GD__G_RUNNING;
	case GD__G_RUNNING:
		return to == GD__G_RUNNABLE || to == GD__G_WAITING || to == GD__G_SYSCALL ||
		       to == GD__G_DEAD;
	case GD__G_SYSCALL:
		return to == GD__G_RUNNING || to == GD__G_RUNNABLE;
	case GD__G_DEAD:
		return to == GD__G_FREE;
	}
	return false;
}

/* Throws on a change that is not legal, or if g was not in from. */
static GD__ALWAYS_INLINE void gd__g_set_status(struct gd__g *g, enum gd__g_status from,
					       enum gd__g_status to)
{
	/* relaxed: queue, lock or note that hands g over orders its fields */
	if (gd__unlikely(gd__load_relaxed(&g->status) != from || !gd__g_may_become(from, to)))
		gd__throw("g: illegal change of status");
	gd__store_relaxed(&g->status, to);
}

#endif
