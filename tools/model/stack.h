/*
 * stack.h - a stack with names.
 *
 * All text lives as long as the pool that it was made in; nothing is NULL.
 */
#ifndef GD_TOOLS_MODEL_STACK_H
#define GD_TOOLS_MODEL_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
	uint64_t pc;
	const char *function; /* "" if unknown */
	const char *file;     /* "" if unknown */
	int line;             /* 0 if unknown */
	const char *module;   /* file name of the binary, "" if unknown */
	uint64_t offset;      /* of pc in the module, or pc if there is none */
	bool ours;            /* of the runtime or the detectors */
};

struct stack {
	struct frame *frame; /* innermost first; inlined functions are frames of their own */
	size_t n;
	bool cut; /* the stack goes on, but its memory or unwind tables are missing */
};

/* The frames to show: without our own innermost ones, unless all are ours. */
struct stack stack_shown(const struct stack *s);
/* The same functions and lines: one group in a report. */
bool stack_same(const struct stack *a, const struct stack *b);

#endif
