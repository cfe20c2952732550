/*
 * locks.c - see locks.h.
 *
 * A read-write lock has two objects: what its writers released, under its own
 * address, and what its readers released. Readers acquire the first, writers both,
 * so that readers are not ordered among themselves.
 */
#include "detector/race/locks.h"

#include <stddef.h>

#include "detector/race/gctx.h"
#include "detector/race/keys.h"
#include "detector/race/quiet.h"
#include "detector/race/syncobj.h"

void gd__locked(const void *lock, bool write, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (!g || gd__is_quiet(pc))
		return;
	gd__sync_acquire(g, (uintptr_t)lock);
	if (write)
		gd__sync_acquire(g, gd__key_readers(lock));
	gd__gctx_lock(g, (uintptr_t)lock, gd__gctx_stack_id(g, pc), write);
}

void gd__unlocking(const void *lock, bool write, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (!g || gd__is_quiet(pc))
		return;
	gd__gctx_unlock(g, (uintptr_t)lock, write);
	if (write)
		gd__sync_release(g, (uintptr_t)lock);
	else
		gd__sync_release_merge(g, gd__key_readers(lock));
}

static const struct gd__held_lock *find_held(const struct gd__hook_ctx *g, const void *lock)
{
	for (uint32_t i = g->nheld; i > 0; i--)
		if (g->held[i - 1].lock == (uintptr_t)lock)
			return &g->held[i - 1];
	return NULL;
}

void gd__unlocking_rw(const void *lock, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (!g)
		return;
	const struct gd__held_lock *held = find_held(g, lock);

	if (held) {
		gd__unlocking(lock, held->write, pc);
		return;
	}
	/* Not in the list, which is short: add to both, which is right for either. */
	gd__sync_release_merge(g, (uintptr_t)lock);
	gd__sync_release_merge(g, gd__key_readers(lock));
}

void gd__lock_gone(const void *lock)
{
	gd__sync_forget((uintptr_t)lock, 1);
	gd__sync_forget(gd__key_readers(lock), 1);
}

void gd__edge_from(const void *obj)
{
	if (gd__race_cur)
		gd__sync_acquire(gd__race_cur, (uintptr_t)obj);
}

void gd__edge_to(const void *obj)
{
	if (gd__race_cur)
		gd__sync_release_merge(gd__race_cur, (uintptr_t)obj);
}

void gd__edge_gone(const void *obj)
{
	gd__sync_forget((uintptr_t)obj, 1);
}
