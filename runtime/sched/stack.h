/*
 * stack.h - goroutine stacks: slots of one size in reserved arenas, committed as they are touched.
 *
 * A slot is, from its low end: guard, stack, colour, goroutine record (gtab.h). It belongs to one
 * record for good, so its guard is made once.
 */
#ifndef GD_RUNTIME_SCHED_STACK_H
#define GD_RUNTIME_SCHED_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gd__g;

/* Bytes of a slot, from the option stack_kb. Constant after gd__stack_init. */
size_t gd__stack_size(void);
void gd__stack_init(void);

/* Reserves n slots in a row; NULL: no address space. */
char *gd__stack_arena(size_t n);
/*
 * Makes the guards of n <= 64 slots in a row. Without one (too many mappings on a kernel before
 * 6.13) a stack still works; that is said once. Returns the slots that have none, as bits.
 */
uint64_t gd__stack_guard(char *slots, size_t n);
/* For a stack without a guard, where its goroutine has stopped: a fatal error if it was exceeded
 * since. Finds it if something was stored in the first KiB beyond, after the fact. */
void gd__stack_check(struct gd__g *g);
/* Lowest usable address of a slot. */
uintptr_t gd__stack_lo(const char *slot);
/* Whether addr lies in the guard of the slot whose usable range begins at lo. */
bool gd__stack_in_guard(uintptr_t lo, uintptr_t addr);

#endif
