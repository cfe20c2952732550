/*
 * once.c - does something the first time only.
 *
 * done_ is set when fn has returned, not when it begins: who finds it set may
 * rely on what fn did. Everybody else waits on the mutex meanwhile.
 */
#include "runtime/hook/hook.h"
#include "runtime/sync/sync.h"

static _Atomic uint32_t *done_of(gd_once *o)
{
	return (_Atomic uint32_t *)&o->done_;
}

static void do_slow(gd_once *o, void (*fn)(void *), void *arg, struct gd__g *g, uintptr_t pc)
{
	gd__mutex_lock(&o->mutex_, pc);
	if (!gd__load_relaxed(done_of(o))) { /* ordered by the mutex */
		fn(arg);
		gd__hook(release, g->hook_ctx, o);
		gd__store_release(done_of(o), 1); /* pairs with the load in gd_once_do */
	}
	gd__mutex_unlock(&o->mutex_);
}

void gd_once_do(gd_once *o, void (*fn)(void *), void *arg)
{
	struct gd__g *g = gd__caller("gd_once_do");

	/* pairs with the store in do_slow: what fn did is seen */
	if (gd__likely(gd__load_acquire(done_of(o))))
		gd__hook(acquire, g->hook_ctx, o);
	else
		do_slow(o, fn, arg, g, GD__CALLER_PC);
}
