/*
 * atomic_sync.c - see atomic_sync.h.
 *
 * The access to the shadow belongs after the acquire and before the release of
 * the same operation: then an object's first plain write is ordered before a
 * load that finds it published, and the free() by the last owner of a reference
 * count after the decrements of the others.
 */
#include "detector/race/atomic_sync.h"

#include "detector/race/access.h"
#include "runtime/base/atomic.h"

bool gd__atomic_fences;

static bool has_release_fence(const struct gd__hook_ctx *g)
{
	return g->fence_release.owner != 0;
}

/*
 * A bad address faults before the lock: a handler that leaves by siglongjmp would leave it
 * locked, and the goroutine without its record. (Not seen here: a store to read-only memory.)
 */
static void touch(const struct gd__atomic_op *op)
{
	(void)*(const volatile unsigned char *)op->addr;
}

static struct gd__syncobj *lock(const struct gd__atomic_op *op, bool make)
{
	touch(op);
	gd__race_cur = NULL;
	struct gd__syncobj *o = gd__sync_lock(op->addr, make);

	if (!o)
		gd__race_cur = op->g;
	return o;
}

static void unlock(const struct gd__atomic_op *op)
{
	gd__sync_unlock(op->addr);
	gd__race_cur = op->g;
}

static void access_shadow(const struct gd__atomic_op *op, unsigned kind)
{
	gd__access(op->g, op->addr, op->size, kind | GD__ACCESS_ATOMIC, op->pc);
}

/* Who knows the releaser's epoch knows all that it released. */
static bool has(const struct gd__clock *c, const struct gd__clock *value)
{
	return value->owner != 0 && gd__clock_knows(c, value->owner, value->epoch);
}

/* What the loading half of an operation does with what the object carries. */
static void take(struct gd__hook_ctx *g, const struct gd__syncobj *o, int order)
{
	if (gd__order_acquires(order))
		gd__clock_acquire(&g->clock, &o->value);
	else if (gd__atomic_fences && !has(&g->clock, &o->value) &&
		 !has(&g->fence_acquire, &o->value))
		gd__clock_join_value(&g->fence_acquire, &o->value);
}

static bool takes(int order)
{
	return gd__order_acquires(order) || gd__atomic_fences;
}

struct gd__syncobj *gd__atomic_lock(const struct gd__atomic_op *op, int order)
{
	return lock(op, gd__order_releases(order) || has_release_fence(op->g));
}

struct gd__syncobj *gd__atomic_lock_load(const struct gd__atomic_op *op, int order)
{
	return takes(order) ? lock(op, false) : NULL;
}

void gd__atomic_loaded(const struct gd__atomic_op *op, struct gd__syncobj *o, int order)
{
	if (o) {
		take(op->g, o, order);
		unlock(op);
	}
	access_shadow(op, GD__ACCESS_READ);
}

void gd__atomic_stored(const struct gd__atomic_op *op, struct gd__syncobj *o, int order)
{
	struct gd__hook_ctx *g = op->g;
	bool releases = o && gd__order_releases(order);

	access_shadow(op, GD__ACCESS_WRITE);
	if (!o)
		return;
	if (releases) {
		gd__clock_release(&g->clock, &o->value);
	} else {
		gd__clock_release_value(&o->value);
		if (has_release_fence(g))
			gd__clock_join_value(&o->value, &g->fence_release);
	}
	unlock(op);
	if (releases)
		gd__gctx_new_interval(g);
}

void gd__atomic_modified(const struct gd__atomic_op *op, struct gd__syncobj *o, int order)
{
	struct gd__hook_ctx *g = op->g;
	bool acquires = gd__order_acquires(order);
	bool releases = o && gd__order_releases(order);

	/* Made by somebody since we looked: it may be his value that we found. */
	if (!o && takes(order))
		o = lock(op, false);
	if (o)
		take(g, o, order);
	access_shadow(op, GD__ACCESS_WRITE);
	if (!o)
		return;
	if (releases && acquires) /* we know all that it carries */
		gd__clock_release(&g->clock, &o->value);
	else if (releases)
		gd__clock_release_merge(&g->clock, &o->value);
	else if (has_release_fence(g))
		gd__clock_join_value(&o->value, &g->fence_release);
	unlock(op);
	if (releases)
		gd__gctx_new_interval(g);
}

void gd__atomic_fence(struct gd__hook_ctx *g, int order)
{
	if (gd__order_acquires(order)) {
		gd__clock_acquire(&g->clock, &g->fence_acquire);
		gd__clock_release_value(&g->fence_acquire);
	}
	if (gd__order_releases(order)) {
		gd__clock_release(&g->clock, &g->fence_release);
		gd__gctx_new_interval(g);
	}
}
