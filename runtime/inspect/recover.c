/* recover.c - see recover.h. Records are never unmapped, so an old one may be looked at. */
#include "runtime/inspect/recover.h"

#include "runtime/sync/recover.h"

enum gd__recovered gd__inspect_recover_look(const struct gd__ginfo *g)
{
	return gd__recover_look((const struct gd__g *)(uintptr_t)g->record, g->id, g->parks);
}

enum gd__recovered gd__inspect_recover(const struct gd__ginfo *g)
{
	return gd__recover((struct gd__g *)(uintptr_t)g->record, g->id, g->parks);
}
