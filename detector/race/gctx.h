/*
 * gctx.h - the race detector's record of one goroutine (or foreign thread).
 *
 * The hot part, which every __tsan_ callback reads, is one cache line and is
 * reached through one initial-exec thread-local, gd__race_cur. It is NULL on
 * scheduler stacks: then callbacks do nothing. Only the thread that runs the
 * goroutine touches its record.
 *
 * Each frame of the shadow call stack carries the hash of all frames up to it
 * (its context), so that the slow path of an access knows in O(1) whether it
 * has seen this very stack before (site.h).
 */
#ifndef GD_DETECTOR_RACE_GCTX_H
#define GD_DETECTOR_RACE_GCTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/clock.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/hook/hook.h"

#define GD__RACE_HELD 16

/* No interval begun: equal to no slot of any cell, not even an empty one. */
#define GD__HIT_NONE ((uint64_t)0xff)

struct gd__held_lock {
	uintptr_t lock;
	uint32_t stack; /* depot id of where it was taken */
	bool write;
};

struct gd__frame {
	uintptr_t pc; /* return address: the call in the caller */
	uint64_t ctx; /* hash of this and all outer frames */
};

/*
 * Invariants: frames < frame <= frame_end; frames[0] is a sentinel that is never popped;
 * frames_lost > 0 only if frame == frame_end and the stack has its greatest size.
 * hit == GD__HIT_NONE or hit == interval << 32 | 0xff.
 */
struct gd__hook_ctx {
	/* Hot. */
	uint64_t hit;            /* shadow word of the current interval, or GD__HIT_NONE */
	struct gd__frame *frame; /* next free entry of the shadow call stack */
	struct gd__frame *frame_end;
	uint32_t ignore;      /* > 0: accesses are not looked at */
	uint32_t frames_lost; /* calls that found the stack full */
	uint32_t interval;    /* id of the current interval, valid if hit says so */
	bool accessed;        /* stamped a cell since the last release */

	struct gd__clock clock;
	uint64_t goid;         /* 0: a foreign thread */
	uint32_t serial;       /* of this record: names it in reports */
	uint32_t create_stack; /* depot id */
	uint64_t parent_goid;
	uintptr_t entry_pc;
	struct gd__frame *frames; /* base of the shadow call stack */
	struct gd__held_lock held[GD__RACE_HELD];
	uint32_t nheld;
	uint32_t held_lost;             /* locks held beyond GD__RACE_HELD */
	uint32_t held_set;              /* number of held in history.c, 0: not looked up */
	struct gd__clock fence_release; /* what a release fence published; see abi_atomic.c */
	struct gd__clock fence_acquire; /* what relaxed loads saw, for an acquire fence */
	struct gd__hook_ctx *next;      /* free list */
};

extern GD__TLS struct gd__hook_ctx *gd__race_cur GD__HIDDEN;

/* Whether this thread's goroutine has been asked to give way: then gd__preempt_here() is due. */
static GD__ALWAYS_INLINE bool gd__race_preempted(void)
{
	return gd__load_relaxed(&gd__preempt_wanted) != 0; /* a request, not a hand-over */
}

/* Record for a new goroutine; parent NULL: main, a timer or a foreign thread. Never NULL. */
struct gd__hook_ctx *gd__gctx_make(struct gd__hook_ctx *parent, uint64_t goid, uintptr_t pc,
				   uint32_t create_stack);
/* It runs no user code any more; the record is recycled. */
void gd__gctx_end(struct gd__hook_ctx *g);

/* After the own epoch has risen (release, swap, spawn): the next access begins a new interval. */
static inline void gd__gctx_new_interval(struct gd__hook_ctx *g)
{
	g->hit = GD__HIT_NONE;
	g->accessed = false;
}

/* g enters a function, called at pc, and leaves it: for __tsan_func_entry and _exit. */
void gd__gctx_push_slow(struct gd__hook_ctx *g, uintptr_t pc);

static GD__ALWAYS_INLINE void gd__frame_fill(struct gd__frame *f, uintptr_t pc)
{
	f->pc = pc;
	f->ctx = (f[-1].ctx + pc) * 0x9e3779b97f4a7c15u;
	f->ctx ^= f->ctx >> 32;
}

static GD__ALWAYS_INLINE void gd__gctx_push(struct gd__hook_ctx *g, uintptr_t pc)
{
	struct gd__frame *f = g->frame;

	if (gd__unlikely(f == g->frame_end)) {
		gd__gctx_push_slow(g, pc);
		return;
	}
	gd__frame_fill(f, pc);
	g->frame = f + 1;
}

static GD__ALWAYS_INLINE void gd__gctx_pop(struct gd__hook_ctx *g)
{
	if (gd__unlikely(g->frames_lost > 0))
		g->frames_lost--;
	else if (gd__likely(g->frame > g->frames + 1)) /* else: entered before g was made */
		g->frame--;
}

/* g takes or gives up a lock. stack: where, a depot id. */
void gd__gctx_lock(struct gd__hook_ctx *g, uintptr_t lock, uint32_t stack, bool write);
void gd__gctx_unlock(struct gd__hook_ctx *g, uintptr_t lock, bool write);

/* Stack of g at this moment from its shadow call stack, pc innermost. For the current goroutine. */
size_t gd__gctx_stack(const struct gd__hook_ctx *g, uintptr_t pc, uintptr_t *pcs, size_t max);
/* Depot id of the same; fast when this stack was asked for before. pc 0: the frames alone. */
uint32_t gd__gctx_stack_id(const struct gd__hook_ctx *g, uintptr_t pc);

#endif
