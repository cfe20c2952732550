/* no_stacks.c - what g.c asks of the stacks, for tests that have records but no goroutines. */
#include "runtime/sched/stack.h"

size_t gd__stack_size(void)
{
	return 0;
}

char *gd__stack_arena(size_t n)
{
	(void)n;
	return NULL;
}

void gd__stack_guard(char *slots, size_t n)
{
	(void)slots;
	(void)n;
}

uintptr_t gd__stack_lo(const char *slot)
{
	return (uintptr_t)slot;
}
