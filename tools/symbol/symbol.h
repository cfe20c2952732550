/*
 * symbol.h - stacks out of a core, by libdwfl.
 *
 * Modules are those of the core, reported to libdwfl one by one; files of
 * another build are not used, so a wrong name is never shown.
 */
#ifndef GD_TOOLS_SYMBOL_SYMBOL_H
#define GD_TOOLS_SYMBOL_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "detector/image/image.h"
#include "detector/image/image_core_modules.h"
#include "tools/model/stack.h"
#include "tools/util/pool.h"

#define SYMBOL_FRAMES_MAX 256

struct symbols;

/* Where an unwinder begins: DWARF's 16 registers and the pc. Unknown registers are 0. */
struct context {
	uint64_t regs[16], pc;
	bool exact; /* the pc is where it stopped, not a return address */
};

/* NULL: libdwfl could not start (no memory). */
struct symbols *symbols_open(const struct gd__modules *m, const struct gd__mem *mem,
			     struct pool *pool);
void symbols_close(struct symbols *s);

/* The stack that continues at c. */
struct stack symbols_unwind(struct symbols *s, const struct context *c);
/* Names for the addresses of a stack that somebody else has unwound: return addresses. */
struct stack symbols_name(struct symbols *s, const uint64_t *pcs, size_t n);
/* The function at pc; frame 0 of the result is the innermost. */
struct stack symbols_at(struct symbols *s, uint64_t pc, bool is_return);

/* A type of the debug information; the inside is vars.c's. */
struct symbols_type {
	bool known;
	uint64_t die[4];
};

/* A word in memory. */
struct symbols_word {
	char name[256];             /* "registry.lock", "table+16" */
	struct symbols_type target; /* what it points to, if it is a pointer and that is known */
};

/* The variable with static storage that contains addr; without debug information by its symbol. */
bool symbols_variable(struct symbols *s, uint64_t addr, struct symbols_word *out);
/* The member of type at byte off; "" if it is the whole. */
bool symbols_member(const struct symbols_type *type, uint64_t off, struct symbols_word *out);
/* "struct server"; "" if it has no name. */
void symbols_type_name(const struct symbols_type *type, char *text, size_t n);
/* The frame of the stack at c that contains addr, and the local variable (name "" if unknown). */
bool symbols_frame(struct symbols *s, const struct context *c, uint64_t addr, struct stack *frame,
		   struct symbols_word *out);

#endif
