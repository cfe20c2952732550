/* bad_free.c - the end of a program that frees, or resizes, what is no block. */
#include "detector/common/heap.h"
#include "detector/common/interpose.h"
#include "runtime/base/fatal.h"

void gd__heap_die_not_live(const char *call, const void *p)
{
	struct gd__block b;

	if (gd__heap_find((uintptr_t)p, &b))
		gd__fatal("%s(%p): not the start of a block: it lies %zu bytes inside a block of "
			  "%zu bytes at %p",
			  call, p, (size_t)((uintptr_t)p - b.start), (size_t)b.size,
			  (void *)(uintptr_t)b.start);
	gd__fatal("%s(%p): no live block begins there: freed twice, or never allocated", call, p);
}
