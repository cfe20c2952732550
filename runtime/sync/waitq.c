/*
 * waitq.c - queues of waiters, and parking with or without a deadline.
 *
 * A deadline is a timer on the parked goroutine's stack that races with the
 * wakers for g->select_done. It is started by the commit function, when the
 * context is saved: started earlier, it might ready a goroutine that still runs.
 */
#include "runtime/sync/waitq.h"

#include "runtime/base/fatal.h"
#include "runtime/sched/fork.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/wait_here.h"
#include "runtime/time/timer.h"

void gd__waitq_push_front(struct gd__waitq *q, struct gd__waiter *w)
{
	w->prev = NULL;
	w->next = gd__load_relaxed(&q->first);
	if (w->next != NULL)
		w->next->prev = w;
	else
		q->last = w;
	gd__store_relaxed(&q->first, w);
}

void gd__waitq_drop_gone(struct gd__waitq *q)
{
	struct gd__waiter *next;

	for (struct gd__waiter *w = gd__load_relaxed(&q->first); w != NULL; w = next) {
		next = w->next;
		if (gd__fork_is_gone(w->g->id))
			gd__waitq_remove(q, w);
	}
}

struct gd__waiter *gd__waitq_take(struct gd__waitq *q)
{
	if (gd__unlikely(gd__fork.gone != 0))
		gd__waitq_drop_gone(q);
	for (struct gd__waiter *w = gd__load_relaxed(&q->first); w != NULL; w = w->next) {
		if (gd__waiter_win(w)) {
			gd__waitq_remove(q, w);
			return w;
		}
	}
	return NULL;
}

bool gd__waitq_has_live(const struct gd__waitq *q)
{
	for (const struct gd__waiter *w = gd__load_relaxed(&q->first); w != NULL; w = w->next) {
		if (gd__fork_is_gone(w->g->id))
			continue;
		if (!w->raced || gd__load_relaxed(&w->g->select_done) == 0)
			return true;
	}
	return false;
}

void gd__waitq_check(const struct gd__waitq *q)
{
	const struct gd__waiter *prev = NULL;

	for (const struct gd__waiter *w = gd__load_relaxed(&q->first); w != NULL; w = w->next) {
		gd__assert(w->prev == prev);
		gd__assert(w->g != NULL);
		prev = w;
	}
	gd__assert(q->last == prev);
}

void gd__wakelist_init(struct gd__wakelist *l)
{
	l->first = NULL;
	l->end = &l->first;
}

void gd__wakelist_add(struct gd__wakelist *l, struct gd__g *g)
{
	g->next = NULL;
	*l->end = g;
	l->end = &g->next;
}

void gd__wakelist_ready(const struct gd__wakelist *l)
{
	struct gd__g *next;

	for (struct gd__g *g = l->first; g != NULL; g = next) {
		next = g->next; /* before ready: then g belongs to a run queue */
		g->next = NULL;
		gd__ready(g);
	}
}

struct parking {
	const struct gd__blocking *b;
	struct gd__timer timer;
};

static void deadline_fire(struct gd__timer *t, int64_t now)
{
	struct gd__g *g = t->arg;
	uint32_t open = 0;

	(void)now;
	/* pairs with the cas in gd__waiter_win: the deadline or one waker */
	if (!gd__cas_acq_rel(&g->select_done, &open, 1))
		return;
	gd__ready(g);
}

/*
 * As soon as the timer is started, or one lock is released, g may run and its
 * stack, where *p and *b are, may go away: all that is needed is read before.
 */
static bool commit(struct gd__g *g, void *arg)
{
	struct parking *p = arg;
	void (*unlock)(void *) = p->b->unlock;
	void *unlock_arg = p->b->arg;

	(void)g;
	if (p->b->deadline != GD__FOREVER)
		gd__timer_start(&p->timer, p->b->deadline, 0);
	if (unlock != NULL)
		unlock(unlock_arg);
	return true;
}

bool gd__wait_commit(struct gd__g *g, void *arg)
{
	const struct gd__blocking *b = arg;

	(void)g;
	b->unlock(b->arg); /* from here on *b may be gone */
	return true;
}

const struct gd__waiter *gd__wait(struct gd__g *g, const struct gd__blocking *b)
{
	struct parking p = { .b = b, .timer = { .fire = deadline_fire, .arg = g } };
	const struct gd__park how = {
		.reason = b->reason,
		.nwaits = b->n,
		.stride = sizeof(*b->waiters),
		.waits = b->waiters,
		.commit = commit,
		.arg = &p,
	};

	gd__expect_wake(g);
	g->wait_timed = b->deadline != GD__FOREVER;
	gd__park(&how);
	if (g->wait_timed) {
		gd__timer_stop(&p.timer); /* its memory is this frame */
		g->wait_timed = false;
	}

	const struct gd__waiter *served = g->wake_waiter;

	g->wake_waiter = NULL;
	return served;
}
