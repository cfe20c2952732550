/*
 * context.c - cancellation that flows down a tree.
 *
 * A context made from the background is the root of a tree; all contexts of a
 * tree share its lock. Cancelling walks the subtree under that lock. Timers of
 * deadlines are stopped after it: their firing takes the lock, and stopping
 * one waits for a firing in progress.
 *
 * Invariants, under the tree's lock:
 *   a child is in its parent's list from make until its last unref
 *   err != 0  <=>  done is closed  =>  err of all children != 0
 *   deadline of a child <= deadline of its parent
 * refs of a parent > 0 as long as it has children: each holds one.
 * parent, tree, deadline, key, value, done are written before publication.
 */
#include <stdlib.h>

#include <gdetect/context.h>
#include <gdetect/error.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/hook/hook.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"
#include "runtime/time/timer.h"

struct gd_context {
	gd_context *parent, *tree; /* both NULL: the background */
	_Atomic int32_t refs;
	_Atomic int32_t err; /* set once, under the tree's lock */
	int64_t deadline;
	gd_chan *done;
	const void *key; /* NULL: no value */
	void *value;
	struct gd__timer timer; /* of the deadline, if it is earlier than the parent's */
	bool armed;             /* timer was started; written under the tree's lock by make */

	struct gd__lock lock; /* of a tree's root: guards what follows in the whole tree */
	gd_context *first_child, *next, *prev;
	gd_context *next_stopped; /* cancelled and held until its timer is stopped */
};

static gd_context background = { .deadline = INT64_MAX };

static bool is_background(const gd_context *ctx)
{
	return ctx == &background;
}

/* Before an access of the user's: the memory of one that is gone may still be the allocator's. */
static void check_alive(const gd_context *ctx)
{
	/* relaxed: the caller's own reference should keep it */
	if (gd__unlikely(gd__load_relaxed(&ctx->refs) <= 0) && !is_background(ctx))
		gd__fatal("use of a context after its last gd_context_unref");
}

/* --- cancelling --- */

static void link_child(gd_context *parent, gd_context *ctx)
{
	ctx->next = parent->first_child;
	if (ctx->next != NULL)
		ctx->next->prev = ctx;
	parent->first_child = ctx;
}

static void unlink_child(gd_context *parent, gd_context *ctx)
{
	if (ctx->prev != NULL)
		ctx->prev->next = ctx->next;
	else
		parent->first_child = ctx->next;
	if (ctx->next != NULL)
		ctx->next->prev = ctx->prev;
}

/* A reference, unless the last one has been dropped. */
static bool try_ref(gd_context *ctx)
{
	int32_t refs = gd__load_relaxed(&ctx->refs); /* the cas decides */

	while (refs > 0) {
		if (gd__cas_relaxed(&ctx->refs, &refs, refs + 1)) /* the tree's lock orders */
			return true;
	}
	return false;
}

/* Under the tree's lock. */
static void cancel_one(gd_context *ctx, int err, gd_context **stop)
{
	const struct gd__g *g = gd__self();

	if (gd__load_relaxed(&ctx->err) != 0) /* under the lock */
		return;
	if (g != NULL)
		gd__hook(release_merge, g->hook_ctx, &ctx->err);
	gd__store_release(&ctx->err, err); /* pairs with the load in gd_context_err */
	gd__chan_close(ctx->done, 0);
	if (stop != NULL && ctx->armed && try_ref(ctx)) {
		ctx->next_stopped = *stop;
		*stop = ctx;
	}
}

/* The context after ctx in the subtree of top, parents first; NULL at its end. */
static gd_context *next_in_subtree(const gd_context *top, gd_context *ctx)
{
	if (ctx->first_child != NULL)
		return ctx->first_child;
	while (ctx != top && ctx->next == NULL)
		ctx = ctx->parent;
	return ctx != top ? ctx->next : NULL;
}

/* stop: NULL, or where to put contexts whose timer is to be stopped. */
static void cancel_subtree(gd_context *top, int err, gd_context **stop) GD_UNCHECKED
{
	if (gd__load_relaxed(&top->err) != 0) /* a hint: it is set once */
		return;
	gd__lock(&top->tree->lock, GD__RANK_CONTEXT);
	for (gd_context *ctx = top; ctx != NULL; ctx = next_in_subtree(top, ctx))
		cancel_one(ctx, err, stop);
	gd__unlock(&top->tree->lock);
}

static void cancel(gd_context *ctx, int err)
{
	gd_context *stop = NULL;
	gd_context *next;

	cancel_subtree(ctx, err, &stop);
	for (; stop != NULL; stop = next) {
		next = stop->next_stopped;
		gd__timer_stop(&stop->timer);
		gd_context_unref(stop);
	}
}

/*
 * Stops no timers: those of the children are due as well, and the references
 * it would need might turn out the last ones, so that it freed what it runs on.
 */
static void fire(struct gd__timer *t, int64_t now)
{
	(void)now;
	cancel_subtree(t->arg, GD_ETIMEDOUT, NULL);
}

/* Under the tree's lock: what ctx owes its parent. */
GD__UNUSED static bool child_agrees(const gd_context *ctx)
{
	const gd_context *parent = ctx->parent;
	bool cancelled = gd__load_relaxed(&ctx->err) != 0; /* under the lock */

	/* relaxed: under the lock */
	if (cancelled != (gd__load_relaxed(&ctx->done->closed) != 0))
		return false;
	if (!cancelled && gd__load_relaxed(&parent->err) != 0) /* under the lock */
		return false;
	return ctx->deadline <= parent->deadline;
}

/* --- life --- */

static gd_context *allocate(gd_context *parent, int64_t deadline, const char *site, uintptr_t pc)
{
	if (parent == NULL)
		gd__fatal("context: the parent is NULL");

	gd_context *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		gd__fatal("out of memory: a context");
	ctx->parent = gd_context_ref(parent);
	ctx->tree = is_background(parent) ? ctx : parent->tree;
	ctx->deadline = deadline < parent->deadline ? deadline : parent->deadline;
	ctx->done = gd__chan_make(0, 0, site, pc);
	ctx->done->context = true;
	gd__store_relaxed(&ctx->refs, 1); /* published with the handle */
	return ctx;
}

/* Under the tree's lock, before anybody else knows ctx. */
static void start_locked(gd_context *ctx)
{
	const gd_context *parent = ctx->parent;
	int err = gd__load_relaxed(&parent->err); /* under the lock; the background has none */

	bool own_deadline = ctx->deadline < parent->deadline; /* else it ends with its parent */

	if (err == 0 && own_deadline && ctx->deadline <= gd__clock_now())
		err = GD_ETIMEDOUT;
	if (err != 0) {
		cancel_one(ctx, err, NULL);
	} else if (own_deadline) {
		ctx->armed = true;
		ctx->timer.fire = fire;
		ctx->timer.arg = ctx;
		ctx->timer.root = ctx->done;
		ctx->timer.fork = GD__FORK_KEEPS;
		gd__timer_start(&ctx->timer, ctx->deadline, 0);
	}
}

gd_context *gd_context_background(void)
{
	return &background;
}

/* The goroutine that makes a context is before its deadline, whoever finds it passed. */
static void hook_make(const gd_context *ctx)
{
	const struct gd__g *g = gd__self();

	if (g == NULL)
		return;
	gd__hooks->release_merge(g->hook_ctx, gd__chan_close_clock(ctx->done));
	gd__hooks->release_merge(g->hook_ctx, &ctx->err);
}

static gd_context *make(gd_context *ctx) GD_UNCHECKED
{
	if (gd__unlikely(gd__hooks != NULL))
		hook_make(ctx);
	gd__lock(&ctx->tree->lock, GD__RANK_CONTEXT);
	if (!is_background(ctx->parent))
		link_child(ctx->parent, ctx);
	start_locked(ctx);
	gd__check_slow(child_agrees(ctx));
	gd__unlock(&ctx->tree->lock);
	return ctx;
}

gd_context *gd_context_make_raw(gd_context *parent, int64_t deadline, const char *site)
{
	return make(allocate(parent, deadline, site, GD__CALLER_PC));
}

gd_context *gd_context_with_value(gd_context *parent, const void *key, void *value)
{
	gd_context *ctx = allocate(parent, INT64_MAX, NULL, GD__CALLER_PC);

	ctx->key = key;
	ctx->value = value;
	return make(ctx);
}

gd_context *gd_context_ref(gd_context *ctx)
{
	check_alive(ctx);
	if (!is_background(ctx))
		gd__add_relaxed(&ctx->refs, 1); /* the caller's own reference keeps it */
	return ctx;
}

/* The last reference is gone. Returns the parent, whose reference is now the caller's. */
static gd_context *destroy(gd_context *ctx) GD_UNCHECKED
{
	gd_context *parent = ctx->parent;

	cancel(ctx, GD_ECANCELED);
	/* A root, too: who has cancelled it, and woken who drops it, may still hold its lock. */
	gd__lock(&ctx->tree->lock, GD__RANK_CONTEXT);
	if (!is_background(parent))
		unlink_child(parent, ctx);
	gd__unlock(&ctx->tree->lock);
	if (ctx->armed)
		gd__timer_stop(&ctx->timer); /* after this its firing is over */
	gd__hook(forget, ctx, sizeof(*ctx));
	gd_chan_unref_raw(ctx->done);
	free(ctx);
	return parent;
}

static bool drop(gd_context *ctx)
{
	const struct gd__g *g = gd__hooks != NULL ? gd__self() : NULL;

	/* The free comes after all that every holder of a reference did. */
	if (g != NULL)
		gd__hooks->release_merge(g->hook_ctx, &ctx->refs);

	/* pairs with the adds of the other unrefs: the last one sees what they did */
	int32_t refs = gd__add_acq_rel(&ctx->refs, -1);

	if (refs <= 0)
		gd__fatal("use of a context after its last gd_context_unref");
	if (refs == 1 && g != NULL)
		gd__hooks->acquire(g->hook_ctx, &ctx->refs);
	return refs == 1;
}

void gd_context_unref(gd_context *ctx)
{
	while (ctx != NULL && !is_background(ctx) && drop(ctx))
		ctx = destroy(ctx);
}

/* --- reading --- */

void gd_context_cancel(gd_context *ctx)
{
	check_alive(ctx);
	if (!is_background(ctx))
		cancel(ctx, GD_ECANCELED);
}

gd_signal_chan gd_context_done(gd_context *ctx)
{
	check_alive(ctx);
	return (gd_signal_chan){ .raw = ctx->done };
}

int gd_context_err(gd_context *ctx)
{
	check_alive(ctx);

	int err = gd__load_acquire(&ctx->err); /* pairs with the store in cancel_one */

	if (gd__unlikely(gd__hooks != NULL) && err != 0) {
		const struct gd__g *g = gd__self();

		if (g != NULL)
			gd__hooks->acquire(g->hook_ctx, &ctx->err);
	}
	return err;
}

int64_t gd_context_deadline(gd_context *ctx)
{
	return ctx->deadline;
}

void *gd_context_value(gd_context *ctx, const void *key)
{
	for (; ctx != NULL; ctx = ctx->parent) {
		if (ctx->key == key && key != NULL)
			return ctx->value;
	}
	return NULL;
}
