/* recover.c - from the numbers of a gd__ginfo to the goroutine. */
#include "runtime/inspect/recover.h"

#include "runtime/sync/recover.h"

enum gd__recovered gd__inspect_recover_look(uint64_t record, uint64_t id, uint32_t parks)
{
	return gd__recover_look((const struct gd__g *)(uintptr_t)record, id, parks);
}

enum gd__recovered gd__inspect_recover(uint64_t record, uint64_t id, uint32_t parks)
{
	return gd__recover((struct gd__g *)(uintptr_t)record, id, parks);
}
