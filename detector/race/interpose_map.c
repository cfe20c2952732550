/*
 * interpose_map.c - memory from the kernel: what was known of these addresses is about others.
 */
#include "detector/common/interpose.h"
#include "detector/race/access.h"
#include "detector/race/keys.h"
#include "detector/race/syncobj.h"

static void mapped(void *p, size_t n)
{
	gd__shadow_reset((uintptr_t)p, n);
}

static void unmapping(void *p, size_t n)
{
	gd__sync_forget((uintptr_t)p, n);
	gd__sync_forget(gd__key_note(p), n);
	gd__sync_forget(gd__key_readers(p), n);
}

static const struct gd__map_events map_events = { mapped, unmapping };

__attribute__((constructor(101))) static void start(void)
{
	gd__map_events_install(&map_events);
}
