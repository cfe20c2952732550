/*
 * memo.h - what one dump of stacks has seen before: whole walks, and texts of stacks.
 *
 * A dump of a hundred thousand goroutines shows a handful of stacks. A walk is used again only
 * where every word that the first one followed is the same, so the answer is the one that
 * libunwind would give. Belongs to one dump on one thread.
 */
#ifndef GD_RUNTIME_INSPECT_MEMO_H
#define GD_RUNTIME_INSPECT_MEMO_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/fmt.h"

struct gd__memo;
struct gd__unwind_log;

/* NULL: no memory. All functions take NULL and find and keep nothing then. */
struct gd__memo *gd__memo_make(void);
void gd__memo_free(struct gd__memo *memo);

/* Prints what it knows of pcs; depends on nothing else. */
typedef void gd__memo_render(struct gd__out *o, const uintptr_t *pcs, size_t n);

/* Adds to out what render prints, which is not asked again if its text is kept. */
void gd__memo_print(struct gd__memo *memo, struct gd__out *out, gd__memo_render *render,
		    const uintptr_t *pcs, size_t n);

/* The saved context of a goroutine: its stack in use is [sp, hi). */
struct gd__memo_start {
	uint64_t pc, sp, fp, hi;
};

/* A walk of at most GD__FRAMES_MAX frames from a context like this one: its length, or 0. */
size_t gd__memo_find_walk(const struct gd__memo *memo, const struct gd__memo_start *s,
			  uintptr_t *pcs);
/* Room for what the unwinder notes on a walk; NULL without a memo. */
struct gd__unwind_log *gd__memo_log(struct gd__memo *memo);
/* Keeps the walk that was noted there, if it reached the start of the goroutine. */
void gd__memo_keep_walk(struct gd__memo *memo, const struct gd__memo_start *s, const uintptr_t *pcs,
			size_t n);

#endif
