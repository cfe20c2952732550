/*
 * stack.h - goroutine stacks: slots of one size in reserved arenas, committed as they are touched.
 *
 * A slot belongs to one goroutine record for good, so its guard is made once.
 */
#ifndef GD_RUNTIME_SCHED_STACK_H
#define GD_RUNTIME_SCHED_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a slot, guard included: from the option stack_kb. Constant after gd__stack_init. */
size_t gd__stack_size(void);
void gd__stack_init(void);

/* Reserves n slots in a row; NULL: no address space. */
char *gd__stack_arena(size_t n);
/*
 * Makes the guard of one slot and gives its usable range. Without a guard (too many
 * mappings on a kernel before 6.13) it still works, and says so once.
 */
void gd__stack_prepare(char *slot, uintptr_t *lo, uintptr_t *hi);
/* Whether addr lies in the guard of the slot whose usable range begins at lo. */
bool gd__stack_in_guard(uintptr_t lo, uintptr_t addr);

#endif
