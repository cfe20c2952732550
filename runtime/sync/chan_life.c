/*
 * chan_life.c - channels are made, counted, closed and freed here.
 *
 * A goroutine may wait on a channel without a reference of its own. So the
 * last unref of a channel with waiters does not free it: nobody can wake them
 * any more, which is reported at once, and the memory stays as long as they do.
 * A select that is woken by another case frees it on its way out.
 */
#include <stdlib.h>

#include <gdetect/error.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/mem.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"

void gd__chan_bad_use(const gd_chan *c)
{
	if (c->magic == GD__CHAN_FREED)
		gd__fatal("use of a channel after its last gd_chan_unref: %p", (const void *)c);
	gd__fatal("use of a channel that was freed, or is none: %p", (const void *)c);
}

void gd__chan_check(gd_chan *c)
{
	size_t len = gd__load_relaxed(&c->len); /* under lock */
	bool receivers = gd__waitq_has_live(&c->recvq);
	bool senders = gd__waitq_has_live(&c->sendq);

	gd__waitq_check(&c->recvq);
	gd__waitq_check(&c->sendq);
	gd__assert(len <= c->cap);
	gd__assert(c->cap == 0 || (c->head + len) % c->cap == c->tail);
	gd__assert(!receivers || len == 0);
	gd__assert(!senders || len == c->cap);
	gd__assert(!gd__load_relaxed(&c->closed) || (!receivers && !senders)); /* under lock */
}

gd_chan *gd__chan_make(size_t elem_size, size_t cap, const char *site, uintptr_t pc)
{
	size_t stride = elem_size > 0 ? elem_size : 1;
	size_t bytes;

	if (__builtin_mul_overflow(cap, stride, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(gd_chan), &bytes) || bytes > PTRDIFF_MAX)
		gd__fatal("makechan: size out of range (%zu elements of %zu bytes)", cap,
			  elem_size);

	/* Cleared: what an earlier owner left in the slots must keep nothing alive. */
	gd_chan *c = calloc(1, bytes);

	if (c == NULL)
		gd__fatal("out of memory: a channel of %zu bytes", bytes);
	c->cap = cap;
	c->elem_size = elem_size;
	c->stride = stride;
	c->site = site;
	c->make_pc = pc;
	c->magic = GD__CHAN_LIVE;
	gd__store_relaxed(&c->refs, 1); /* published with the handle */
	return c;
}

static void destroy(gd_chan *c)
{
	gd__hook(forget, c, sizeof(*c) + c->cap * c->stride);
	c->magic = GD__CHAN_FREED;
	/* The store is for the next user of the handle: the compiler may not drop it. */
	__asm__ volatile("" : : "r"(c) : "memory");
	free(c);
}

static bool unused_locked(gd_chan *c)
{
	return gd__load_relaxed(&c->refs) == 0 && /* falls to 0 under lock */
	       gd__waitq_empty(&c->recvq) && gd__waitq_empty(&c->sendq);
}

void gd__chan_leave(gd_chan *c, struct gd__waiter *w) GD_UNCHECKED
{
	gd__lock(&c->lock, GD__RANK_CHAN);
	gd__waitq_remove(w->wait.op == GD__OP_SEND ? &c->sendq : &c->recvq, w);
	if (w->wait.op == GD__OP_RECV)
		c->left_pc = w->pc;

	bool unused = unused_locked(c);

	gd__unlock(&c->lock);
	if (unused)
		destroy(c);
}

bool gd__chan_abandon(gd_chan *c, struct gd__waiter *w) GD_UNCHECKED
{
	bool waits;

	if (!gd__lock_try(&c->lock, GD__RANK_CHAN))
		return false;
	waits = w->g->wake_waiter == NULL;
	if (waits) {
		gd__store_relaxed(&w->g->select_done, 1); /* published by the lock */
		w->raced = true;
	}
	gd__unlock(&c->lock);
	return waits;
}

/*
 * The last reference. While the watcher looks at the channel the count stays
 * at 1, so that no waiter that leaves meanwhile frees it.
 */
static void drop_last(gd_chan *c, uintptr_t pc) GD_UNCHECKED
{
	gd__lock(&c->lock, GD__RANK_CHAN);
	if (gd__watch != NULL && (gd__waitq_has_live(&c->recvq) || gd__waitq_has_live(&c->sendq))) {
		gd__unlock(&c->lock);
		gd__watch->dropped(c, pc);
		gd__lock(&c->lock, GD__RANK_CHAN);
	}
	gd__add_acq_rel(&c->refs, -1); /* pairs with the cas of the other unrefs: all is done */

	bool unused = unused_locked(c);

	gd__unlock(&c->lock);
	if (unused)
		destroy(c);
}

static void check_refs(const gd_chan *c, int32_t refs)
{
	if (refs <= 0)
		gd__fatal("use of a channel after its last gd_chan_unref: %p", (const void *)c);
}

static void unref(gd_chan *c, uintptr_t pc)
{
	if (c == NULL)
		return;
	gd__chan_check_use(c);

	const struct gd__g *g = gd__hooks != NULL ? gd__self() : NULL;
	int32_t refs = gd__load_relaxed(&c->refs); /* the cas decides */

	/* The free comes after all that every holder of a reference did. */
	if (g != NULL)
		gd__hooks->release_merge(g->hook_ctx, &c->refs);
	do {
		check_refs(c, refs);
		if (refs == 1) {
			if (g != NULL)
				gd__hooks->acquire(g->hook_ctx, &c->refs);
			drop_last(c, pc);
			return;
		}
		/* pairs with the add in drop_last: the last one sees what we did */
	} while (!gd__cas_acq_rel(&c->refs, &refs, refs - 1));
}

static void close_waiters(gd_chan *c, struct gd__waitq *q, struct gd__wakelist *list)
{
	struct gd__waiter *w;

	while ((w = gd__waitq_take(q)) != NULL) {
		if (w->wait.op == GD__OP_RECV) {
			if (gd__unlikely(gd__hooks != NULL)) {
				gd__hooks->acquire(w->g->hook_ctx, gd__chan_close_clock(c));
				if (w->elem != NULL && c->elem_size > 0)
					gd__hooks->write(w->g->hook_ctx, w->elem, c->elem_size,
							 w->pc);
			}
			if (w->elem != NULL && c->elem_size > 0)
				gd__memset(w->elem, 0, c->elem_size);
		}
		gd__wakelist_add(list, gd__waiter_serve(w, false));
	}
}

/* A close writes the channel: closes and sends must be ordered. pc 0: one of the runtime. */
static void hook_closing(gd_chan *c, uintptr_t pc)
{
	const struct gd__g *g = gd__self();

	if (g != NULL && pc != 0)
		gd__hooks->write(g->hook_ctx, c, 1, pc);
}

static void hook_closed(gd_chan *c)
{
	const struct gd__g *g = gd__self();

	if (g != NULL)
		gd__hooks->release(g->hook_ctx, gd__chan_close_clock(c));
}

void gd__chan_close(gd_chan *c, uintptr_t pc) GD_UNCHECKED
{
	if (c == NULL)
		gd__fatal("close of nil channel");
	gd__chan_check_use(c);

	struct gd__wakelist list;

	gd__wakelist_init(&list);
	if (gd__unlikely(gd__hooks != NULL))
		hook_closing(c, pc);
	gd__lock(&c->lock, GD__RANK_CHAN);
	if (gd__load_relaxed(&c->closed)) { /* under lock */
		gd__unlock(&c->lock);
		gd__fatal("close of closed channel");
	}
	if (gd__unlikely(gd__hooks != NULL))
		hook_closed(c);
	gd__chan_note_change(c);
	gd__store_release(&c->closed, 1); /* pairs with the loads in gd__chan_*_would_wait */
	close_waiters(c, &c->recvq, &list);
	close_waiters(c, &c->sendq, &list);
	if (GD__CHAN_CHECKS)
		gd__chan_check(c);
	gd__unlock(&c->lock);
	gd__wakelist_ready(&list);
}

gd_chan *gd_chan_make_raw(size_t elem_size, size_t cap, const char *site)
{
	return gd__chan_make(elem_size, cap, site, GD__CALLER_PC);
}

gd_chan *gd_chan_ref_raw(gd_chan *c)
{
	if (c == NULL)
		return NULL;
	gd__chan_check_use(c);
	check_refs(c, gd__add_relaxed(&c->refs, 1)); /* the caller's own reference keeps it */
	return c;
}

void gd_chan_unref_raw(gd_chan *c)
{
	unref(c, GD__CALLER_PC);
}

void gd_chan_close_raw(gd_chan *c)
{
	gd__chan_close(c, GD__CALLER_PC);
}

size_t gd_chan_len_raw(gd_chan *c)
{
	if (c == NULL)
		return 0;
	gd__chan_check_use(c);
	return gd__load_relaxed(&c->len); /* a snapshot */
}

size_t gd_chan_cap_raw(gd_chan *c)
{
	if (c == NULL)
		return 0;
	gd__chan_check_use(c);
	return c->cap;
}
