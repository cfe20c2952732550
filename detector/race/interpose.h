/*
 * interpose.h - what the interposers of this folder share: accesses on behalf of a libc function.
 *
 * An interposer does the real thing and tells what memory it read and wrote,
 * and which edges it made. Where gd__race_cur is NULL (scheduler, our own
 * code, threads not known) it only does the real thing.
 */
#ifndef GD_DETECTOR_RACE_INTERPOSE_H
#define GD_DETECTOR_RACE_INTERPOSE_H

#include "detector/common/interpose.h"
#include "detector/race/access.h"
#include "detector/race/quiet.h"
#include "runtime/base/mem.h"
#include "runtime/inspect/oslock.h"

#define GD__RETURN_PC ((uintptr_t)__builtin_return_address(0))

static inline void gd__reads(const void *p, size_t n, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (g && n > 0 && !gd__is_quiet(pc))
		gd__access(g, (uintptr_t)p, n, GD__ACCESS_READ, pc);
}

static inline void gd__writes(const void *p, size_t n, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (g && n > 0 && !gd__is_quiet(pc))
		gd__access(g, (uintptr_t)p, n, GD__ACCESS_WRITE, pc);
}

/* A lock that belongs to the thread, for the report of goroutines that wait with one held. */
static inline void gd__thread_locked(const void *lock, const char *what, uintptr_t pc)
{
	if (!gd__is_quiet(pc))
		gd__oslock_acquired(lock, what, pc);
}

static inline void gd__thread_unlocking(const void *lock)
{
	gd__oslock_released(lock);
}

#endif
