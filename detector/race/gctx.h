/*
 * gctx.h - the race detector's record of one goroutine (or foreign thread).
 *
 * The hot part, which every __tsan_ callback reads, is one cache line and is
 * reached through one initial-exec thread-local, gd__race_cur. It is NULL on
 * scheduler stacks and inside our own code: then callbacks do nothing.
 */
#ifndef GD_DETECTOR_RACE_GCTX_H
#define GD_DETECTOR_RACE_GCTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/race/clock.h"
#include "runtime/base/compiler.h"

struct gd__history;

#define GD__RACE_HELD 16

struct gd__held_lock {
	uintptr_t lock;
	uint32_t stack; /* depot id of where it was taken */
	bool write;
};

struct gd__hook_ctx {
	/* Hot. */
	uint64_t hit;           /* shadow word of the current interval: id << 32 | 0xff; 0: none */
	uintptr_t *frame;       /* next free entry of the shadow call stack */
	uintptr_t *frame_end;   /* full: deeper frames are counted, not stored */
	uint32_t ignore;        /* > 0: accesses are not looked at */
	uint32_t interval_left; /* ids left in the current block of 64 */
	uint32_t interval;      /* id of the current interval */
	bool accessed;          /* stamped a cell since the last release */

	struct gd__clock clock;
	uint64_t goid;          /* 0: a foreign thread */
	uint32_t serial;        /* of this record: names it in reports */
	uint32_t create_stack;  /* depot id */
	uint64_t parent_goid;
	uintptr_t entry_pc;
	uintptr_t *frames;      /* base of the shadow call stack */
	uint32_t frames_lost;   /* calls deeper than frame_end */
	struct gd__history *history;
	struct gd__held_lock held[GD__RACE_HELD];
	uint32_t nheld;
	struct gd__clock fence_release; /* what a release fence published; see abi_atomic.c */
	struct gd__clock fence_acquire; /* what relaxed loads saw, for an acquire fence */
	struct gd__hook_ctx *next;      /* free list or list of all */
};

extern GD__TLS struct gd__hook_ctx *gd__race_cur GD__HIDDEN;

/* Record for a new goroutine; parent NULL: main, a timer or a foreign thread. Never NULL. */
struct gd__hook_ctx *gd__gctx_make(struct gd__hook_ctx *parent, uint64_t goid, uintptr_t pc,
				   uint32_t create_stack);
void gd__gctx_end(struct gd__hook_ctx *g);

/* After the own epoch has risen (release, swap, spawn): begin a new interval. */
void gd__gctx_new_interval(struct gd__hook_ctx *g);

/* Stack of g at this moment from its shadow call stack, pc innermost. For the current goroutine. */
size_t gd__gctx_stack(const struct gd__hook_ctx *g, uintptr_t pc, uintptr_t *pcs, size_t max);

#endif
