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

/* Depot ids of the places where this thread took locks last; the stack's hash is its frame's. */
#define PLACES 64u
static GD__TLS struct place {
	uint64_t ctx;
	uintptr_t pc;
	uint32_t stack;
} places[PLACES];

static uint32_t place_of(const struct gd__hook_ctx *g, uintptr_t pc)
{
	uint64_t ctx = g->frame[-1].ctx;
	struct place *p = &places[(ctx ^ pc ^ pc >> 6) % PLACES];

	if (p->ctx != ctx || p->pc != pc)
		*p = (struct place){ ctx, pc, gd__gctx_stack_id(g, pc) };
	return p->stack;
}

void gd__locked(const void *lock, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (!g || gd__is_quiet(pc))
		return;
	gd__sync_acquire(g, (uintptr_t)lock);
	gd__gctx_lock(g, (uintptr_t)lock, place_of(g, pc), true);
}

void gd__unlocking(const void *lock, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (!g || gd__is_quiet(pc))
		return;
	gd__gctx_unlock(g, (uintptr_t)lock, true);
	gd__sync_release(g, (uintptr_t)lock);
}

void gd__locked_rw(const void *lock, bool write, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (!g || gd__is_quiet(pc))
		return;
	gd__sync_acquire(g, (uintptr_t)lock);
	if (write)
		gd__sync_acquire(g, gd__key_readers(lock));
	gd__gctx_lock(g, (uintptr_t)lock, place_of(g, pc), write);
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

	if (!g || gd__is_quiet(pc))
		return;
	const struct gd__held_lock *held = find_held(g, lock);
	bool known = held != NULL, write = known && held->write;

	if (write) {
		gd__unlocking(lock, pc);
		return;
	}
	gd__gctx_unlock(g, (uintptr_t)lock, false);
	gd__sync_release_merge(g, gd__key_readers(lock));
	if (!known) /* the list is short: adding to both is right for either */
		gd__sync_release_merge(g, (uintptr_t)lock);
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
