/*
 * abi_fence.c - stand-alone fences.
 *
 * In a file of its own: linked from the archive only if the program has a
 * fence. Without one, relaxed operations need not be remembered.
 */
#include "detector/race/abi.h"
#include "detector/race/atomic_sync.h"
#include "runtime/base/atomic.h"

__attribute__((constructor(101))) static void fences_linked(void)
{
	gd__atomic_fences = true;
}

void __tsan_atomic_thread_fence(int order)
{
	struct gd__hook_ctx *g = gd__race_cur;

	gd__fence_seq_cst(); /* at least as strong as what the user asked for */
	if (g)
		gd__atomic_fence(g, order);
}

/* Orders a thread with its own signal handlers: nothing between goroutines. */
void __tsan_atomic_signal_fence(int order)
{
	__asm__ volatile("" : : : "memory");
}
