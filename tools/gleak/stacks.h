/*
 * stacks.h - stacks of goroutines out of a core.
 */
#ifndef GD_TOOLS_GLEAK_STACKS_H
#define GD_TOOLS_GLEAK_STACKS_H

#include "tools/gleak/analyze.h"

/* The whole stack of g with names, cut where memory or tables are missing. */
struct stack stack_of(struct analysis *a, const struct gd__ginfo *g);
/* The frame of g's stack that addr lies in, and the variable there. */
bool frame_of(struct analysis *a, const struct gd__ginfo *g, uint64_t addr, struct stack *frame,
	      struct symbols_word *variable);

#endif
