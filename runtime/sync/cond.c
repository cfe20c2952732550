/*
 * cond.c - a condition variable.
 *
 * A waiter queues up while it still holds the mutex, lets go of the mutex and
 * parks. A signal in between takes it off the queue and marks it woken, so it
 * does not park at all: no wake-up is lost. The two locks are never held
 * together. Edges for the race detector come from the mutex alone, as in Go.
 *
 * Invariant: on the queue <=> not yet signalled; parked and woken of a waiter
 * change under lock_.
 */
#include <gdetect/error.h>

#include "runtime/base/fatal.h"
#include "runtime/sync/sync.h"
#include "runtime/sync/wait_here.h"

void gd_cond_init(gd_cond *c, gd_mutex *m)
{
	*c = (gd_cond){ .mutex = m };
}

static void park_unless_woken(gd_cond *c, struct gd__waiter *w) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&c->lock_);

	gd__lock(l, GD__RANK_SYNC);
	if (w->woken) {
		gd__unlock(l);
		return;
	}
	w->parked = true;
	gd__wait_unlock(w, GD__WAIT_COND, l);
}

bool gd__cond_abandon(struct gd__waiter *w) GD_UNCHECKED
{
	gd_cond *c = (gd_cond *)(uintptr_t)w->wait.obj;
	struct gd__lock *l = gd__word_lock(&c->lock_);
	bool waits;

	if (!gd__lock_try(l, GD__RANK_SYNC))
		return false;
	waits = w->g->wake_waiter == NULL;
	if (waits)
		gd__waitq_remove(gd__word_queue(&c->first_), w);
	gd__unlock(l);
	return waits;
}

int gd_cond_wait(gd_cond *c) GD_UNCHECKED
{
	struct gd__g *g = gd__caller("gd_cond_wait");
	uintptr_t pc = GD__CALLER_PC;
	gd_mutex *m = c->mutex;
	struct gd__waiter w = {
		.wait = { .obj = c, .kind = GD__OBJ_COND, .op = GD__OP_WAIT },
		.g = g,
		.pc = pc,
	};

	if (m == NULL)
		gd__fatal("sync: wait on a gd_cond without a mutex");
	gd__lock(gd__word_lock(&c->lock_), GD__RANK_SYNC);
	gd__waitq_push(gd__word_queue(&c->first_), &w);
	gd__unlock(gd__word_lock(&c->lock_));
	gd__mutex_unlock(m);
	park_unless_woken(c, &w);

	bool leaked = gd__wait_leaked(g);

	gd__mutex_lock(m, pc);
	return leaked ? GD_ELEAKED : GD_OK;
}

/* lock_ held. */
static void note(gd_cond *c, bool woke, uintptr_t pc)
{
	const struct gd__g *g = gd__self();

	c->signal_id_ = g != NULL ? g->id : 0;
	c->signal_pc_ = (const void *)(woke ? pc : pc | GD__SIGNAL_IN_VAIN);
}

/* Wakes one waiter, or all. */
static void wake(gd_cond *c, bool all, uintptr_t pc) GD_UNCHECKED
{
	struct gd__lock *l = gd__word_lock(&c->lock_);
	struct gd__waitq *q = gd__word_queue(&c->first_);
	struct gd__wakelist list;

	gd__wakelist_init(&list);
	gd__lock(l, GD__RANK_SYNC);
	note(c, !gd__waitq_empty(q), pc);
	for (struct gd__waiter *w; (w = gd__waitq_take(q)) != NULL;) {
		if (w->parked)
			gd__wakelist_add(&list, gd__waiter_serve(w, true));
		else
			w->woken = true;
		if (!all)
			break;
	}
	gd__unlock(l);
	gd__wakelist_ready(&list);
	gd__sync_point(gd__self());
}

void gd_cond_signal(gd_cond *c)
{
	wake(c, false, GD__CALLER_PC);
}

void gd_cond_broadcast(gd_cond *c)
{
	wake(c, true, GD__CALLER_PC);
}
