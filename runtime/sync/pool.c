/*
 * pool.c - a free list of objects.
 *
 * A stack under one lock: the object put last is the one whose memory is
 * still in the cache. The lock is the runtime's, not a gd_mutex, so that the
 * race detector sees an edge only between the put and the get of one object,
 * not between all users of the pool. A list for each P was not built: the
 * critical section is a handful of instructions.
 *
 * Invariants, under lock_: len_ <= cap_; items_[0, len_) are the pool's.
 */
#include <stdlib.h>

#include "runtime/base/mem.h"
#include "runtime/hook/hook.h"
#include "runtime/sync/sync.h"

#define FIRST_CAP 16

static void hook_get(const struct gd__g *g, const void *item, uintptr_t pc)
{
	if (gd__likely(gd__hooks == NULL) || g == NULL)
		return;
	gd__hooks->acquire(g->hook_ctx, item);
	gd__hooks->take_over(g->hook_ctx, item, pc);
}

void *gd_pool_get(gd_pool *p) GD_UNCHECKED
{
	struct gd__g *g = gd__self();
	void *item = NULL;

	gd__lock(gd__word_lock(&p->lock_), GD__RANK_SYNC);
	if (p->len_ > 0) {
		item = p->items_[--p->len_];
		p->items_[p->len_] = NULL; /* what left must not be kept alive */
	}
	gd__unlock(gd__word_lock(&p->lock_));
	if (item != NULL)
		hook_get(g, item, GD__CALLER_PC);
	else if (item == NULL && p->make != NULL)
		item = p->make();
	return item;
}

/* Makes room for more than len items. The user's heap is called without the lock. */
static bool grow(gd_pool *p, size_t len) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&p->lock_);
	size_t cap = len < FIRST_CAP ? FIRST_CAP : 2 * len;
	void **bigger = calloc(cap, sizeof(*bigger));

	if (bigger == NULL)
		return false;
	/* The pool's own: whoever frees it later is ordered by the lock, which no hook tells of. */
	gd__hook(reset, bigger, cap * sizeof(*bigger));
	gd__lock(l, GD__RANK_SYNC);

	void **unused = bigger;

	if (p->cap_ < cap) {
		if (p->len_ > 0)
			gd__memcpy(bigger, p->items_, p->len_ * sizeof(*bigger));
		unused = p->items_;
		p->items_ = bigger;
		p->cap_ = cap;
	}
	gd__unlock(l);
	free(unused);
	return true;
}

/* Puts item on the stack if there is room. */
static bool push(gd_pool *p, void *item, size_t *len) GD_UNCHECKED
{
	gd__lock(gd__word_lock(&p->lock_), GD__RANK_SYNC);
	*len = p->len_;

	bool room = p->len_ < p->cap_;

	if (room)
		p->items_[p->len_++] = item;
	gd__unlock(gd__word_lock(&p->lock_));
	return room;
}

void gd_pool_put(gd_pool *p, void *item)
{
	struct gd__g *g = gd__self();
	size_t len;

	if (item == NULL)
		return;
	if (gd__unlikely(gd__hooks != NULL) && g != NULL) {
		gd__hooks->give_up(g->hook_ctx, item, GD__CALLER_PC);
		gd__hooks->release(g->hook_ctx, item);
	}
	/* Without memory for the list the item is lost: only its owner knows how to free it. */
	while (!push(p, item, &len) && grow(p, len))
		;
}

void gd_pool_release(gd_pool *p, void (*drop)(void *))
{
	struct gd__g *g = gd__self();

	for (size_t i = 0; i < p->len_; i++) {
		hook_get(g, p->items_[i], GD__CALLER_PC);
		(drop != NULL ? drop : free)(p->items_[i]);
	}
	free(p->items_);
	p->items_ = NULL;
	p->len_ = p->cap_ = 0;
}
