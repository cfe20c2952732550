/*
 * unwind.c - unwinding in a build without the headers of libunwind: there is none. Stacks are
 * walked by frame pointers (traceback.c).
 */
#include "runtime/inspect/unwind.h"

bool gd__unwind_load(void)
{
	return false;
}

/* NOLINTNEXTLINE(readability-function-size): a stack, the answer, and a log if wanted */
size_t gd__unwind(const struct gd__unwind_regs *regs, bool exact, uintptr_t lo, uintptr_t hi,
		  uintptr_t *pcs, size_t max, struct gd__unwind_log *log)
{
	return 0;
}
